/* The yardstick: a Modbus TCP server as libmodbus is meant to be used, epoll, one thread, its own register table.
 *
 * usage: reference PORT FIRST_REGISTER   (serves one block of 100 registers; prints "ready" when it listens)
 */
#include <errno.h>
#include <modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK = 100, EVENTS = 256 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void fill(uint16_t *block)
{
    static const uint16_t constants[8] = {0x42F6, 0xE979, 0xE979, 0x42F6, 0xF642, 0x79E9, 0x79E9, 0xF642};
    for (int i = 0; i < BLOCK; i++)
        block[i] = (uint16_t)(i * 257);
    block[0] = block[98] = 0;
    block[1] = block[99] = 7;
    memcpy(block + 4, constants, sizeof constants);
}

static void watch(int poller, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s PORT FIRST_REGISTER\n", argv[0]);
        return 2;
    }
    modbus_t *modbus = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    int first = atoi(argv[2]);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, first + BLOCK, 0);
    if (modbus == NULL || map == NULL)
        die("libmodbus");
    fill(map->tab_registers + first);
    int listener = modbus_tcp_listen(modbus, 128);
    int poller = epoll_create1(0);
    if (listener < 0 || poller < 0)
        die("listen");
    watch(poller, listener);
    puts("ready");
    fflush(stdout);
    struct epoll_event events[EVENTS];
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    for (;;) {
        int count = epoll_wait(poller, events, EVENTS, -1);
        if (count < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int peer = accept(listener, NULL, NULL);
                int on = 1;
                if (peer < 0)
                    die("accept");
                setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                watch(poller, peer);
                continue;
            }
            modbus_set_socket(modbus, fd);
            int length = modbus_receive(modbus, query);
            if (length > 0)
                modbus_reply(modbus, query, length, map);
            else if (length < 0)
                close(fd);
        }
    }
}
