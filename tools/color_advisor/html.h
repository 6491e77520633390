// The report as one HTML page with plots, which needs nothing but itself.
//
// Thread-safety: values.
#pragma once

#include <ostream>

#include "report.h"

namespace advisor {

void write_page(const report& r, std::ostream& out);

}  // namespace advisor
