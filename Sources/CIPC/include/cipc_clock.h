#ifndef CIPC_CLOCK_H
#define CIPC_CLOCK_H

#include "cipc_types.h"

/// CLOCK_MONOTONIC in nanoseconds. Read from the vDSO, about 20 ns.
uint64_t cipc_monotonic_nanoseconds(void);

#endif
