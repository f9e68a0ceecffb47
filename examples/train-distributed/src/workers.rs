//! Worker processes that lend their device over a WebSocket, on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, ExitCode, Stdio};

use burn::remote::RemoteHost;
use burn::server::{RemoteServer, WebSocketTransport};
use burn::tensor::Device;

/// The argument that makes this program a worker.
pub(crate) const WORKER: &str = "worker";

/// Runs a worker: it lends its CPU until its standard input ends, which happens when its parent process ends in any way.
pub(crate) fn serve() -> ExitCode {
    std::thread::spawn(|| {
        // A read error ends the worker too.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let result = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| {
        println!("{}", listener.local_addr()?.port());
        std::io::stdout().flush()?;
        Ok(listener)
    });
    let result = match result {
        Ok(listener) => RemoteServer::new([Device::flex()])
            .serve(WebSocketTransport::from_listener(listener))
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("worker: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Worker processes; they end when this is dropped.
pub(crate) struct Workers {
    processes: Vec<Child>,
    addresses: Vec<String>,
    devices: Vec<Device>,
}

impl Workers {
    /// Starts `count` workers, each on a free port, and connects to their devices.
    pub(crate) fn start(count: usize) -> Result<Self, String> {
        let mut workers = Self { processes: Vec::new(), addresses: Vec::new(), devices: Vec::new() };
        for _ in 0..count {
            workers.add().map_err(|error| format!("a worker does not start: {error}"))?;
        }
        Ok(workers)
    }

    fn add(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(WORKER).stdin(Stdio::piped()).stdout(Stdio::piped());
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "error");
        }
        let mut process = command.spawn()?;
        let stdout = process.stdout.take();
        // From here on the worker ends when `self` is dropped.
        self.processes.push(process);
        let mut stdout = BufReader::new(stdout.ok_or("no output")?);
        let mut port = String::new();
        stdout.read_line(&mut port)?;
        let port: u16 = port.trim().parse().map_err(|_| format!("it says {port:?}, expected a port"))?;
        // The log of the worker goes to standard error.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::stderr()));

        let address = format!("ws://{}:{port}", Ipv4Addr::LOCALHOST);
        let device = Device::remote_options(&RemoteHost::websocket(&address)).init()?;
        self.addresses.push(address);
        self.devices.push(device);
        Ok(())
    }

    /// The addresses of the workers.
    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The devices of the workers.
    pub(crate) fn devices(&self) -> &[Device] {
        &self.devices
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // All are ended at once, since a worker that loses another one reports that on standard error.
        for process in &mut self.processes {
            let _ = process.kill();
        }
        for process in &mut self.processes {
            let _ = process.wait();
        }
    }
}
