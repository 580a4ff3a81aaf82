/* Modbus TCP masters: one outstanding request on each connection, 100 holding registers, every reply checked.
 *
 * usage: loadgen FIRST_REGISTER MASTERS SLICES SLICE_MS PORT_A PORT_B
 * Loads A and B in turn, one slice each, SLICES pairs, all connections open the whole time. Prints one line a slice:
 * server, replies, seconds, p50 in us, p99 in us, CPU seconds used here. Ends with status 1 on any wrong reply.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 256, REPLY = 209, BUCKETS = 200000, REGISTERS = 100 };

struct master {
    int fd;
    uint16_t transaction;
    int have;
    double sent;
    uint8_t reply[REPLY];
};

static struct master masters[2][MOST];
static uint32_t histogram[BUCKETS]; /* of tenths of a microsecond: 0..20 ms */
static int first_register;

static double clock_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void wrong(const char *what)
{
    fprintf(stderr, "wrong reply: %s\n", what);
    exit(1);
}

static void ask(struct master *m)
{
    uint16_t t = ++m->transaction;
    uint8_t request[12] = {(uint8_t)(t >> 8), (uint8_t)t, 0, 0, 0, 6, 1, 3,
                           (uint8_t)(first_register >> 8), (uint8_t)first_register, 0, REGISTERS};
    m->have = 0;
    m->sent = clock_s(CLOCK_MONOTONIC);
    if (send(m->fd, request, sizeof request, 0) != (ssize_t)sizeof request)
        die("send");
}

static void check(const struct master *m)
{
    static const uint8_t constants[16] = {0x42, 0xF6, 0xE9, 0x79, 0xE9, 0x79, 0x42, 0xF6,
                                          0xF6, 0x42, 0x79, 0xE9, 0x79, 0xE9, 0xF6, 0x42};
    const uint8_t *r = m->reply;
    const uint8_t head[9] = {(uint8_t)(m->transaction >> 8), (uint8_t)m->transaction, 0, 0, 0, 203, 1, 3, 200};
    if (memcmp(r, head, sizeof head) != 0)
        wrong("header");
    if (memcmp(r + 9, r + 9 + 196, 4) != 0)
        wrong("snapshot id differs at both ends");
    if (memcmp(r + 9 + 8, constants, sizeof constants) != 0)
        wrong("constants");
}

/* Read what is there; 1 when a whole reply has come. */
static int take(struct master *m)
{
    ssize_t got = recv(m->fd, m->reply + m->have, (size_t)(REPLY - m->have), MSG_DONTWAIT);
    if (got <= 0)
        die("recv");
    m->have += (int)got;
    if (m->have < REPLY)
        return 0;
    check(m);
    double tenths = (clock_s(CLOCK_MONOTONIC) - m->sent) * 1e7;
    histogram[tenths < BUCKETS ? (int)tenths : BUCKETS - 1]++;
    return 1;
}

static double quantile(uint32_t total, double q)
{
    uint32_t seen = 0;
    for (int i = 0; i < BUCKETS; i++)
        if ((seen += histogram[i]) > (uint32_t)(q * total))
            return i / 10.0;
    return BUCKETS / 10.0;
}

static void slice(const char *name, int poller, struct master *group, int count, double seconds)
{
    struct epoll_event events[MOST];
    uint32_t replies = 0;
    int outstanding = count;
    memset(histogram, 0, sizeof histogram);
    double cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID), begin = clock_s(CLOCK_MONOTONIC), now = begin;
    for (int i = 0; i < count; i++)
        ask(&group[i]);
    while (outstanding > 0) {
        int ready = epoll_wait(poller, events, MOST, 2000);
        if (ready <= 0)
            die("epoll_wait (no reply for 2 s)");
        now = clock_s(CLOCK_MONOTONIC);
        for (int i = 0; i < ready; i++) {
            struct master *m = events[i].data.ptr;
            if (!take(m))
                continue;
            replies++;
            if (now - begin < seconds)
                ask(m);
            else
                outstanding--;
        }
    }
    printf("%s %u %.6f %.1f %.1f %.6f\n", name, replies, now - begin, quantile(replies, 0.5), quantile(replies, 0.99),
           clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    fflush(stdout);
}

static int open_group(struct master *group, int count, int port)
{
    int poller = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; i++) {
        int on = 1;
        group[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(group[i].fd, (struct sockaddr *)&address, sizeof address) < 0)
            die("connect");
        setsockopt(group[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &group[i]};
        epoll_ctl(poller, EPOLL_CTL_ADD, group[i].fd, &event);
    }
    return poller;
}

int main(int argc, char **argv)
{
    if (argc != 7 || atoi(argv[2]) < 1 || atoi(argv[2]) > MOST) {
        fprintf(stderr, "usage: %s FIRST_REGISTER MASTERS SLICES SLICE_MS PORT_A PORT_B\n", argv[0]);
        return 2;
    }
    first_register = atoi(argv[1]);
    int count = atoi(argv[2]), slices = atoi(argv[3]);
    double seconds = atoi(argv[4]) / 1000.0;
    int pollers[2] = {open_group(masters[0], count, atoi(argv[5])), open_group(masters[1], count, atoi(argv[6]))};
    for (int i = 0; i < slices; i++) {
        slice("A", pollers[0], masters[0], count, seconds);
        slice("B", pollers[1], masters[1], count, seconds);
    }
    return 0;
}
