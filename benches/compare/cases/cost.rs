//! Throughput and CPU time of one load.

use crate::load::Measurement;
use crate::peers::Server;
use crate::process;
use crate::table::Figure;
use std::time::Duration;

/// The figures of a load that consists of requests, in the order of [`Cost::figures`].
pub(crate) const REQUEST_FIGURES: &[Figure] =
    &[Figure::more("requests/s"), Figure::less("CPU us/request")];

/// What a load took.
pub(crate) struct Cost {
    pub(crate) responses: usize,
    pub(crate) elapsed: Duration,
    /// CPU time of all processes of the server, its plugins included.
    cpu: Duration,
}

/// Applies `load` to a server and measures it.
pub(crate) fn cost(
    server: &Server,
    load: impl FnOnce() -> anyhow::Result<Measurement>,
) -> anyhow::Result<Cost> {
    let (measurement, cpu) = with_cpu_time(server, load)?;
    Ok(Cost {
        responses: measurement.responses(),
        elapsed: measurement.elapsed,
        cpu,
    })
}

/// Runs `work` and returns its result with the CPU time that the server and its plugins used during it.
pub(crate) fn with_cpu_time<T>(
    server: &Server,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Duration)> {
    let processes = server.processes();
    let before = process::cpu_time(&processes)?;
    let result = work()?;
    let used = process::cpu_time(&processes)?.saturating_sub(before);
    Ok((result, used))
}

impl Cost {
    /// Responses per second, and CPU microseconds per response.
    pub(crate) fn figures(&self) -> Vec<f64> {
        let per_second = self.count() / self.elapsed.as_secs_f64();
        vec![per_second, self.cpu_per_response()]
    }

    /// In microseconds.
    pub(crate) fn cpu_per_response(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.count()
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn count(&self) -> f64 {
        self.responses as f64
    }
}
