#include "cbase_harness.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

int cbase_report_fail(cbase_report *report, const char *what, int error)
{
    const int positive = error < 0 ? -error : error;
    if (report->failure == 0) {
        report->failure = positive == 0 ? EPROTO : positive;
        if (positive == 0)
            snprintf(report->detail, sizeof report->detail, "%s", what);
        else
            snprintf(report->detail, sizeof report->detail, "%s: %s", what, strerror(positive));
    }
    return -report->failure;
}

const char *cbase_report_detail(const cbase_report *report)
{
    return report->detail;
}
