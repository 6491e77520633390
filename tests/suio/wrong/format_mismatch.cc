// error: format .*%d.* expects argument of type
//
// The compiler checks the arguments of format as it does printf's.
#include "suio/suio.h"

int main() {
  async::suio s;
  s.format("%d", "hello");
}
