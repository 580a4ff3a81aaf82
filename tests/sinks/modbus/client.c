/* A master made with libmodbus. usage: client PORT; prints what it read, one "name value" a line. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>

static void outcome(const char *name, int result)
{
    printf("%s %s\n", name, result < 0 ? modbus_strerror(errno) : "ok");
}

int main(int argc, char **argv)
{
    uint16_t r[200];
    uint8_t bits[8];
    if (argc != 2)
        return 2;
    modbus_t *m = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    if (modbus_connect(m) < 0)
        return 1;
    modbus_set_slave(m, 1);
    if (modbus_read_registers(m, 1100, 100, r) != 100)
        return 1;
    printf("abcd %.3f\ncdab %.3f\nbadc %.3f\ndcba %.3f\n", modbus_get_float_abcd(r + 4), modbus_get_float_cdab(r + 6),
           modbus_get_float_badc(r + 8), modbus_get_float_dcba(r + 10));
    printf("setpoint %.2f\nquality %d\nsame %d\n", modbus_get_float_abcd(r + 22), r[20],
           r[0] == r[98] && r[1] == r[99]);
    if (modbus_read_input_registers(m, 0, 2, r) != 2)
        return 1;
    printf("legacy %.2f\n", modbus_get_float_cdab(r));
    if (modbus_read_input_bits(m, 0, 4, bits) != 4)
        return 1;
    printf("bits %d%d%d%d\n", bits[0], bits[1], bits[2], bits[3]);
    outcome("gap", modbus_read_registers(m, 500, 1, r));
    outcome("write", modbus_write_register(m, 1122, 1));
    outcome("writes", modbus_write_registers(m, 1122, 2, r));
    outcome("coil", modbus_write_bit(m, 0, 1));
    modbus_set_slave(m, 9);
    outcome("unit", modbus_read_registers(m, 1000, 1, r));
    modbus_close(m);
    modbus_free(m);
    return 0;
}
