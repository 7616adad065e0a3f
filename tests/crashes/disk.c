/* A disk that remembers what was synced, and that can fail; preloaded before SQLite's own calls.
 *
 * Each write, truncation, sync and removal of a file below $DISK_FOLDER becomes a record in $DISK_TRACE:
 * kind, length of the path, offset, length of the data; the path; the data. disk_fail(n, code)
 * makes the n-th of these calls from now on fail with that errno; 0 makes all of them work.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long fail_in = 0;
static long calls = 0;
static int fail_code = 0;
static int sticky = 0;

long disk_fail(long n, int code, int forever) {
    pthread_mutex_lock(&lock);
    long seen = calls;
    calls = 0;
    fail_in = n;
    fail_code = code;
    sticky = forever;
    pthread_mutex_unlock(&lock);
    return seen;
}

static int watched(int fd, char *path) {
    const char *folder = getenv("DISK_FOLDER");
    char link[64];
    if (folder == NULL) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0 && strstr(path, "-shm") == NULL;
}

static int trace_fd(void) {
    static int fd = -1;
    const char *name = getenv("DISK_TRACE");
    if (fd < 0 && name != NULL) fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return fd;
}

/* Called with the lock: whether this call has to fail. */
static int fails(void) {
    calls++;
    if (fail_in == 0 || calls < fail_in || (!sticky && calls > fail_in)) return 0;
    errno = fail_code;
    return 1;
}

static void record(char kind, const char *path, int64_t offset, const void *data, int64_t size) {
    int fd = trace_fd();
    if (fd < 0) return;
    static ssize_t (*plain)(int, const void *, size_t) = NULL;
    if (plain == NULL) plain = dlsym(RTLD_NEXT, "write");
    int64_t head[4] = {kind, (int64_t)strlen(path), offset, size};
    plain(fd, head, sizeof head);
    plain(fd, path, strlen(path));
    if (data != NULL) plain(fd, data, (size_t)size);
}

#define GUARDED(result, failed, kind, offset, data, size, call)   \
    char path[PATH_MAX];                                          \
    if (!watched(fd, path)) return call;                          \
    pthread_mutex_lock(&lock);                                    \
    result value = failed;                                        \
    if (!fails()) {                                               \
        value = call;                                             \
        if (value != (result)-1) record(kind, path, offset, data, size); \
    }                                                             \
    int code = errno;                                             \
    pthread_mutex_unlock(&lock);                                  \
    errno = code;                                                 \
    return value;

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    static ssize_t (*plain)(int, const void *, size_t, off64_t) = NULL;
    if (plain == NULL) plain = dlsym(RTLD_NEXT, "pwrite64");
    GUARDED(ssize_t, -1, 'w', offset, data, (int64_t)size, plain(fd, data, size, offset))
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    return pwrite64(fd, data, size, offset);
}

static int cut(int fd, off64_t size) {
    static int (*plain)(int, off64_t) = NULL;
    if (plain == NULL) plain = dlsym(RTLD_NEXT, "ftruncate64");
    GUARDED(int, -1, 't', size, NULL, 0, plain(fd, size))
}

int ftruncate64(int fd, off64_t size) { return cut(fd, size); }
int ftruncate(int fd, off_t size) { return cut(fd, size); }

int unlink(const char *path) {
    static int (*plain)(const char *) = NULL;
    if (plain == NULL) plain = dlsym(RTLD_NEXT, "unlink");
    const char *folder = getenv("DISK_FOLDER");
    if (folder == NULL || strncmp(path, folder, strlen(folder)) != 0) return plain(path);
    pthread_mutex_lock(&lock);
    int value = plain(path);
    int code = errno;
    if (value == 0) record('u', path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = code;
    return value;
}

int fdatasync(int fd) {
    static int (*plain)(int) = NULL;
    if (plain == NULL) plain = dlsym(RTLD_NEXT, "fdatasync");
    GUARDED(int, -1, 's', 0, NULL, 0, plain(fd))
}

int fsync(int fd) {
    static int (*plain)(int) = NULL;
    if (plain == NULL) plain = dlsym(RTLD_NEXT, "fsync");
    GUARDED(int, -1, 's', 0, NULL, 0, plain(fd))
}
