// fds/server: a server of 64-byte requests over TCP on one CPU, against bare libev and raw epoll.
// fds/server_20us: the same with 20 us of computing for each request, on two CPUs, a color for each
// connection, against the same server on one CPU. Stages 1 to 5.
//
// The second goes over Unix sockets and its client looks every 200 us only, because with two CPUs
// for the server the client takes its share of them.

#include <string>

#include "bench/fds/client.h"
#include "bench/fds/servers.h"
#include "bench/support/measure.h"
#include "bench/support/placement.h"

namespace bench {
namespace {

using server = void (*)(const std::vector<int>& fds, const work* compute, unsigned cpus);

void serve(benchmark::State& state, server serve_on, const client_options& options,
           const work* compute) {
  // Several requests for each connection, or it is the warming up that is measured.
  const std::size_t unit = std::max<std::size_t>(2000, 4 * options.connections);
  measure_self_timed(state, unit, [&](std::size_t requests) {
    const placement restored_afterwards;
    client driver(options, requests);
    confine_to_first(options.server_cpus);
    serve_on(driver.server_fds(), compute, options.server_cpus);
    return driver.result();
  });
}

void add_server(const std::string& name, const std::string& engine, server serve_on,
                std::size_t connections) {
  add("fds/" + name + "/cpus:1/connections:" + std::to_string(connections), engine,
      [=](benchmark::State& state) {
        serve(state, serve_on, client_options{.connections = connections}, nullptr);
      });
}

void add_computing_server(const std::string& engine, unsigned cpus) {
  add("fds/server_20us/cpus:2/connections:64", engine, [=](benchmark::State& state) {
    const work compute = work::calibrated(20'000);
    const client_options options{
        .over = transport::unix_socket, .connections = 64, .server_cpus = cpus, .pace_us = 200};
    serve(state, &serve_on_ours, options, &compute);
  });
}

const bool added = [] {
  for (const std::size_t connections : {64u, 1024u}) {
    add_server("server", "ours", &serve_on_ours, connections);
    add_server(
        "server", "peer:libev",
        [](auto& fds, auto* compute, unsigned) { serve_on_libev(fds, compute); }, connections);
    add_server(
        "server", "peer:epoll",
        [](auto& fds, auto* compute, unsigned) { serve_on_epoll(fds, compute); }, connections);
    // The same on a buffered stream, against the callbacks on the bare fd above.
    add_server("server_aios", "ours", &serve_on_streams, connections);
    add_server("server_aios", "peer:fdcb", &serve_on_ours, connections);
  }
  if (cpu_count() > 1) {
    add_computing_server("ours", 2);
    add_computing_server("peer:ours_on_one_cpu", 1);
  }
  return true;
}();

}  // namespace
}  // namespace bench
