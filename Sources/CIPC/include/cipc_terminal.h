#ifndef CIPC_TERMINAL_H
#define CIPC_TERMINAL_H

#include "cipc_types.h"

/// The columns of the terminal that a descriptor is, 0 where it does not say; -ENOTTY where it is none. TIOCGWINSZ.
int32_t cipc_terminal_width(int32_t descriptor);

#endif
