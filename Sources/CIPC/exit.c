#include "CIPC.h"

#include <stdlib.h>
#include <unistd.h>

void cipc_exit_process(int32_t status) { exit(status); }

void cipc_exit_process_at_once(int32_t status) { _exit(status); }
