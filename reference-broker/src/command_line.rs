//! What the flags of the binary say: addresses, listeners and properties.

use std::net::{SocketAddr, ToSocketAddrs};

use reference_broker::{Listen, StartError};

/// Of what no name is said.
const UNNAMED: &str = "PLAINTEXT";

/// Something that is said of a listener, with its name.
pub(crate) type Named<T> = (String, T);

/// Where a broker listens, as flags say it.
pub(crate) struct Listeners {
    /// By which others find it, and what they are told.
    pub(crate) first: Option<SocketAddr>,
    pub(crate) advertise: Option<(String, u16)>,
    pub(crate) more: Vec<Listen>,
}

impl Listeners {
    /// Puts together what `--listen` and `--advertise` say.
    pub(crate) fn of(listen: Vec<Named<SocketAddr>>, advertise: Vec<Named<(String, u16)>>) -> Result<Self, StartError> {
        let (mut first, mut more) = (None, Vec::new());
        for (name, at) in listen {
            match name.as_str() {
                UNNAMED if first.is_none() => first = Some(at),
                UNNAMED => return Err(StartError::SameName(name)),
                _ => more.push(Listen {
                    name,
                    at,
                    advertise: None,
                }),
            }
        }
        let mut listeners = Self {
            first,
            advertise: None,
            more,
        };
        for (name, told) in advertise {
            let slot = listeners.advertised(&name).ok_or(StartError::NoListener(name))?;
            *slot = Some(told);
        }
        Ok(listeners)
    }

    fn advertised(&mut self, name: &str) -> Option<&mut Option<(String, u16)>> {
        match name {
            UNNAMED => Some(&mut self.advertise),
            _ => {
                let mut more = self.more.iter_mut();
                more.find(|listen| listen.name == name)
                    .map(|listen| &mut listen.advertise)
            }
        }
    }
}

/// `[NAME://]HOST:PORT`, to listen there.
pub(crate) fn parse_listen(text: &str) -> Result<Named<SocketAddr>, String> {
    let (name, place) = named(text)?;
    Ok((name, parse_address(place)?))
}

/// `[NAME://]HOST:PORT`, to be told to clients.
pub(crate) fn parse_advertise(text: &str) -> Result<Named<(String, u16)>, String> {
    let (name, place) = named(text)?;
    Ok((name, parse_host_port(place)?))
}

/// The name in capitals, as Kafka takes it, and the rest.
fn named(text: &str) -> Result<(String, &str), String> {
    let Some((name, place)) = text.split_once("://") else {
        return Ok((UNNAMED.to_owned(), text));
    };
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || b"_-.".contains(&letter);
    match !name.is_empty() && name.bytes().all(fits) {
        true => Ok((name.to_ascii_uppercase(), place)),
        false => Err(format!(
            "'{name}' is no name of a listener: letters, digits, '_', '-' and '.', for example EXTERNAL"
        )),
    }
}

/// `HOST:PORT`, to listen there.
pub(crate) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let hint = || format!("'{text}' is not HOST:PORT, for example 127.0.0.1:9092");
    let mut found = text
        .to_socket_addrs()
        .map_err(|error| format!("{} ({error})", hint()))?;
    found.next().ok_or_else(hint)
}

fn parse_host_port(text: &str) -> Result<(String, u16), String> {
    let hint = || format!("'{text}' is not HOST:PORT, for example localhost:9092");
    let (host, port) = text.rsplit_once(':').ok_or_else(hint)?;
    let port = port.parse().map_err(|_| hint())?;
    (!host.is_empty()).then(|| (host.to_owned(), port)).ok_or_else(hint)
}

/// `KEY=VALUE` in Kafka's words.
pub(crate) fn parse_property(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("'{text}' is not KEY=VALUE"))?;
    match key.trim() {
        "log.dirs" | "log.dir" => Err("the data directory is said by --data-dir".to_owned()),
        "listeners" => Err("where to listen is said by --listen".to_owned()),
        "advertised.listeners" => Err("what clients are told is said by --advertise".to_owned()),
        key => Ok((key.to_owned(), value.trim().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(listen: &[&str], advertise: &[&str]) -> Result<Listeners, String> {
        let listen = listen.iter().map(|text| parse_listen(text)).collect::<Result<_, _>>()?;
        let advertise = advertise.iter().map(|text| parse_advertise(text));
        Listeners::of(listen, advertise.collect::<Result<_, _>>()?).map_err(|error| error.to_string())
    }

    #[test]
    fn a_listener_without_a_name_is_the_one_by_which_brokers_find_each_other() {
        let listeners = said(
            &["external://127.0.0.1:9094", "127.0.0.1:9092"],
            &["EXTERNAL://kafka.example:9094"],
        );
        let listeners = listeners.expect("two listeners");
        assert_eq!(listeners.first.map(|at| at.port()), Some(9092));
        assert_eq!(listeners.advertise, None);
        let [more] = &listeners.more[..] else {
            panic!("{:?}", listeners.more)
        };
        assert_eq!((more.name.as_str(), more.at.port()), ("EXTERNAL", 9094));
        assert_eq!(more.advertise, Some(("kafka.example".to_owned(), 9094)));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_in_words() {
        let refused = |listen: &[&str], advertise: &[&str]| said(listen, advertise).err().unwrap_or_default();
        let at = "127.0.0.1:9092";
        assert!(refused(&["ex tra://127.0.0.1:1"], &[]).contains("no name of a listener"));
        assert!(refused(&["://127.0.0.1:1"], &[]).contains("no name of a listener"));
        assert!(refused(&["EXTRA://9094"], &[]).contains("is not HOST:PORT"));
        assert!(refused(&[at, "PLAINTEXT://127.0.0.1:1"], &[]).contains("two listeners of the name PLAINTEXT"));
        let unknown = refused(&[at], &["EXTRA://localhost:1"]);
        assert!(unknown.contains("--listen EXTRA://HOST:PORT"), "{unknown}");
    }
}
