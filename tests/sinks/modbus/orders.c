/* Reads rows of the map with libmodbus. usage: orders PORT ORDER {UNIT FUNCTION ADDRESS TYPE}...; one value a line. */
#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef float (*reading)(const uint16_t *);

static reading of(const char *order)
{
    if (!strcmp(order, "ABCD"))
        return modbus_get_float_abcd;
    if (!strcmp(order, "CDAB"))
        return modbus_get_float_cdab;
    if (!strcmp(order, "BADC"))
        return modbus_get_float_badc;
    return !strcmp(order, "DCBA") ? modbus_get_float_dcba : NULL;
}

int main(int argc, char **argv)
{
    if (argc < 3 || !of(argv[2]))
        return 2;
    reading get = of(argv[2]);
    modbus_t *m = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    if (modbus_connect(m) < 0)
        return 1;
    for (int i = 3; i + 3 < argc; i += 4) {
        uint16_t r[2] = {0, 0};
        const char *type = argv[i + 3];
        int address = atoi(argv[i + 2]), wide = strcmp(type, "uint16") && strcmp(type, "int16"), done;
        modbus_set_slave(m, atoi(argv[i]));
        done = atoi(argv[i + 1]) == 3 ? modbus_read_registers(m, address, 1 + wide, r)
                                      : modbus_read_input_registers(m, address, 1 + wide, r);
        if (done != 1 + wide)
            return 1;
        float number = get(r); /* also of a whole number: its four bytes in order */
        uint32_t whole;
        memcpy(&whole, &number, 4);
        if (!strcmp(type, "float32"))
            printf("%.9g\n", number);
        else if (!strcmp(type, "int32"))
            printf("%d\n", (int32_t)whole);
        else if (!strcmp(type, "uint32"))
            printf("%u\n", whole);
        else
            printf("%d\n", strcmp(type, "int16") ? r[0] : (int16_t)r[0]);
    }
    modbus_close(m);
    modbus_free(m);
    return 0;
}
