// The report as one HTML page with plots, which needs nothing but itself.
//
// Thread-safety: values.
#pragma once

#include <ostream>

#include "report.h"

namespace advisor {

void write_page(const report& r, std::ostream& out);
// Its plot of the speed-ups alone, as an SVG file.
void write_plot(const report& r, std::ostream& out);

}  // namespace advisor
