//! Target strings to targets. Knows the forms and nothing of what stands behind them.

use super::{Target, TargetError, Template};

const FORMS: &str = "\
a target is one of
  reference            the reference broker in this process; reference:N for N brokers
  HOST:PORT[,HOST:PORT]  a broker that runs already
  exec:CMD...          a command started and stopped here, {port} filled in, and {data}, {config} and {listener} where it says them;
                       one that says {id}, {roles} and {controller} runs as a controller and three brokers
  docker:IMAGE[:TAG]   Apache Kafka in a container, e.g. docker:apache/kafka:4.3.1
  jvm:VERSION          Apache Kafka as a Java process, e.g. jvm:4.3.1
  ...x3                three nodes of the last two, e.g. jvm:4.3.1x3, docker:apache/kafka:4.3.1x3
  jvm:VERSION-zk       Apache Kafka before 4 with ZooKeeper, e.g. jvm:3.9.2-zk";

pub(super) fn target(text: &str) -> Result<Target, TargetError> {
    let trimmed = text.trim();
    let (form, rest) = trimmed.split_once(':').unwrap_or((trimmed, ""));
    match form {
        "reference" if trimmed == "reference" => Ok(Target::Reference { brokers: None }),
        "reference" => reference(text, rest),
        "exec" => exec(text, rest),
        "docker" => docker(text, rest),
        "jvm" => jvm(text, rest),
        "recorded" => Err(refused(
            text,
            "recorded answers are an oracle (--oracle), they cannot be driven",
        )),
        _ => addresses(text, trimmed),
    }
}

fn refused(text: &str, why: &str) -> TargetError {
    TargetError(format!("target {text:?}: {why}\n{FORMS}"))
}

fn reference(text: &str, rest: &str) -> Result<Target, TargetError> {
    match rest.parse() {
        Ok(brokers @ 1_usize..) => Ok(Target::Reference { brokers: Some(brokers) }),
        _ => Err(refused(text, "after reference: comes the number of brokers")),
    }
}

fn exec(text: &str, rest: &str) -> Result<Target, TargetError> {
    let template = Template::parse(rest).map_err(|why| refused(text, why))?;
    Ok(Target::Exec(template))
}

fn docker(text: &str, rest: &str) -> Result<Target, TargetError> {
    let (image, tag) = match rest.rsplit_once(':') {
        Some((image, tag)) if !tag.contains('/') => (image, tag),
        _ => (rest, "latest"),
    };
    if image.is_empty() || tag.is_empty() || rest.contains(char::is_whitespace) {
        return Err(refused(text, "after docker: comes IMAGE or IMAGE:TAG"));
    }
    let (tag, brokers) = nodes(text, tag)?;
    Ok(Target::Docker {
        image: image.to_owned(),
        tag: tag.to_owned(),
        brokers,
    })
}

fn jvm(text: &str, rest: &str) -> Result<Target, TargetError> {
    let (version, zookeeper) = rest
        .strip_suffix("-zk")
        .map_or((rest, false), |version| (version, true));
    let (version, brokers) = nodes(text, version)?;
    let numbers: Option<Vec<u16>> = version.split('.').map(|number| number.parse().ok()).collect();
    let major = match numbers.as_deref() {
        Some([major, _, _]) => *major,
        _ => {
            return Err(refused(
                text,
                "after jvm: comes a release of three numbers, such as 4.3.1",
            ));
        }
    };
    let version = version.to_owned();
    match (zookeeper, brokers) {
        (false, _) => Ok(Target::Jvm { version, brokers }),
        (true, 1) if major < 4 => Ok(Target::JvmZooKeeper { version }),
        (true, 1) => Err(refused(text, "Kafka 4 and later have no ZooKeeper")),
        (true, _) => Err(refused(text, "beside a ZooKeeper there is one broker")),
    }
}

/// `4.3.1x3` means three brokers: of two none may be lost, and more than three show nothing new.
fn nodes<'a>(text: &str, version: &'a str) -> Result<(&'a str, usize), TargetError> {
    match version.rsplit_once('x') {
        Some((before, "3")) if before.ends_with(|c: char| c.is_ascii_digit()) => Ok((before, 3)),
        Some((before, nodes)) if before.ends_with(|c: char| c.is_ascii_digit()) && nodes.parse::<u8>().is_ok() => {
            Err(refused(text, "a cluster has three nodes: x3"))
        }
        _ => Ok((version, 1)),
    }
}

fn addresses(text: &str, list: &str) -> Result<Target, TargetError> {
    let addresses: Vec<String> = list.split(',').map(|a| a.trim().to_owned()).collect();
    for address in &addresses {
        match address.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0) => {}
            Some((host, port)) if !host.is_empty() && !host.contains(' ') => {
                return Err(refused(text, &format!("{port:?} is not a port")));
            }
            _ => {
                return Err(refused(
                    text,
                    &format!("{address:?} is neither HOST:PORT nor a form known here"),
                ));
            }
        }
    }
    Ok(Target::Address(addresses))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_back() {
        for text in [
            "reference",
            "reference:3",
            "localhost:9092",
            "a:1,b:2",
            "[::1]:9092",
            "exec:tansu broker --listen {port}",
            "exec:b {id} {roles} --at {port} --controller {controller} --rack {rack} --set {config}",
            "docker:apache/kafka:4.3.1",
            "docker:registry.example:5000/kafka:1",
            "docker:apache/kafka:4.3.1x3",
            "jvm:4.3.1",
            "jvm:4.3.1x3",
            "jvm:3.9.2-zk",
        ] {
            let target = target(text).expect(text);
            assert_eq!(target.to_string(), text);
        }
        let latest = target("docker:apache/kafka").expect("a tag may be left out");
        assert_eq!(latest.to_string(), "docker:apache/kafka:latest");
    }

    #[test]
    fn a_wrong_string_is_refused_with_the_reason_and_the_forms() {
        for (text, reason) in [
            ("", "neither HOST:PORT"),
            ("kafka", "neither HOST:PORT"),
            ("localhost:http", "is not a port"),
            ("localhost:0", "is not a port"),
            ("reference:none", "number of brokers"),
            ("reference:0", "number of brokers"),
            ("exec:", "no command"),
            ("exec:run-broker", "{port}"),
            ("exec:run 'broker {port}", "unclosed quote"),
            ("exec:run {id} {port}", "{roles}"),
            ("docker:", "IMAGE"),
            ("docker:apache/kafka:4.3.1x2", "three nodes"),
            ("jvm:4.3", "three numbers"),
            ("jvm:4.3.1x5", "three nodes"),
            ("jvm:4.3.1-zk", "no ZooKeeper"),
            ("jvm:3.9.2x3-zk", "one broker"),
            ("recorded:4.3.1", "oracle"),
        ] {
            let TargetError(message) = target(text).expect_err(text);
            assert!(message.contains(reason), "{text}: {message}");
            assert!(message.contains("jvm:VERSION"), "{text}: {message}");
        }
    }
}
