#include "CIPC.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <termios.h>

int32_t cipc_terminal_width(int32_t descriptor) {
    struct winsize size = {0};
    if (ioctl(descriptor, TIOCGWINSZ, &size) < 0) return -errno;
    return size.ws_col;
}
