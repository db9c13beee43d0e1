/* A provider and its clients for scale.py, as small as they can be: whole HTTP/1.1 messages with Content-Length, kept connections.

   scale provider PORT ANSWER          answers each request with the bytes of the file ANSWER; SIGTERM prints how many there were
   scale clients PORT COUNT AT_ONCE REQUEST   sends the file REQUEST so often; prints answers that were a 200, others, seconds */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROOM 65536

struct end {
    int fd;
    size_t have;
    char bytes[ROOM];
};

static volatile sig_atomic_t over;
static void stop(int number) { (void)number, over = 1; }

static void die(const char *what) {
    perror(what);
    exit(2);
}

static char *content(const char *path, size_t *size) {
    int file = open(path, O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status)) die(path);
    char *bytes = malloc((size_t)status.st_size + 1);
    if (!bytes || read(file, bytes, (size_t)status.st_size) != status.st_size) die(path);
    bytes[*size = (size_t)status.st_size] = 0;
    close(file);
    return bytes;
}

/* How long the message is with which the bytes begin; 0 where it is not whole. */
static size_t message(struct end *end) {
    end->bytes[end->have] = 0;
    char *body = strstr(end->bytes, "\r\n\r\n");
    if (!body) return 0;
    char *length = strcasestr(end->bytes, "\r\ncontent-length:");
    size_t all = (size_t)(body + 4 - end->bytes) + (length && length < body ? strtoul(length + 17, 0, 10) : 0);
    if (all >= ROOM) exit(3);
    return all <= end->have ? all : 0;
}

/* Reads once; 0 where the other side is gone. */
static int fill(struct end *end) {
    ssize_t count = read(end->fd, end->bytes + end->have, ROOM - 1 - end->have);
    if (count > 0) end->have += (size_t)count;
    return count > 0 || (count < 0 && errno == EAGAIN);
}

static void put(int fd, const char *bytes, size_t size) {
    while (size) {
        ssize_t count = send(fd, bytes, size, MSG_NOSIGNAL);
        if (count < 0) return;
        bytes += count, size -= (size_t)count;
    }
}

static void drop(struct end *end, size_t size) { memmove(end->bytes, end->bytes + size, end->have -= size); }

static int provider(int port, const char *path) {
    size_t size;
    char *answer = content(path, &size);
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 512)) die("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[64];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    long asked = 0;
    while (!over) {
        int ready = epoll_wait(poll, events, 64, 1000);
        for (int i = 0; i < ready; i++) {
            struct end *end = events[i].data.ptr;
            if (!end) {
                end = calloc(1, sizeof *end);
                if (!end || (end->fd = accept(listener, 0, 0)) < 0) die("accept");
                setsockopt(end->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                event.data.ptr = end;
                epoll_ctl(poll, EPOLL_CTL_ADD, end->fd, &event);
                event.data.ptr = NULL;
                continue;
            }
            if (!fill(end)) {
                close(end->fd);
                free(end);
                continue;
            }
            for (size_t all; (all = message(end)); asked++) {
                drop(end, all);
                put(end->fd, answer, size);
            }
        }
    }
    printf("%ld\n", asked);
    return 0;
}

static int clients(int port, long count, int at_once, const char *path) {
    size_t size;
    char *request = content(path, &size);
    int yes = 1, poll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN}, events[64];
    struct timespec begun, ended;
    long sent = 0, good = 0, bad = 0;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (int i = 0; i < at_once && sent < count; i++, sent++) {
        struct end *end = calloc(1, sizeof *end);
        if (!end || (end->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0 || connect(end->fd, (struct sockaddr *)&address, sizeof address)) die("connect");
        setsockopt(end->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        event.data.ptr = end;
        epoll_ctl(poll, EPOLL_CTL_ADD, end->fd, &event);
        put(end->fd, request, size);
    }
    while (good + bad < sent && !over) {
        int ready = epoll_wait(poll, events, 64, 10000);
        if (ready <= 0) break;
        for (int i = 0; i < ready; i++) {
            struct end *end = events[i].data.ptr;
            if (!fill(end)) {
                bad++;
                close(end->fd);
                continue;
            }
            size_t all = message(end);
            if (!all) continue;
            if (memcmp(end->bytes, "HTTP/1.1 200", 12)) bad++;
            else good++;
            drop(end, all);
            if (sent < count) put(end->fd, request, size), sent++;
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%ld %ld %.3f\n", good, bad, (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9);
    return 0;
}

int main(int count, char **words) {
    signal(SIGTERM, stop);
    if (count == 4 && !strcmp(words[1], "provider")) return provider(atoi(words[2]), words[3]);
    if (count == 6 && !strcmp(words[1], "clients")) return clients(atoi(words[2]), atol(words[3]), atoi(words[4]), words[5]);
    return 2;
}
