//! By what sessions are told apart.

/// By what sessions are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Not at all.
    Nothing,
    /// The project.
    Project,
    /// The hour of reception, UTC.
    Hour,
    /// Something that the session's start says.
    Start(Property),
}

/// What a start says of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    /// The browser, without its version. Phones' apps have none.
    Browser,
    /// The country, as an ISO code.
    Country,
    /// The operating system, without its version.
    Os,
    /// The device; its type where the device is not known, as with desktop computers.
    Device,
    /// Kind and version of the tracker: `web 19.0.1`.
    Tracker,
    /// The name that the site gave to the user at the start.
    User,
}

/// What a start says, as far as it is known. Empty texts mean unknown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Client<'a> {
    /// The browser.
    pub browser: &'a str,
    /// The country.
    pub country: &'a str,
    /// The operating system.
    pub os: &'a str,
    /// The device.
    pub device: &'a str,
    /// The device's type.
    pub device_type: &'a str,
    /// `web`, `mobile` or `sdk`.
    pub kind: &'a str,
    /// The tracker's version.
    pub tracker_version: &'a str,
    /// The user.
    pub user: &'a str,
}

impl By {
    /// The words on the command line.
    pub const ALL: [(&'static str, By); 9] = [
        ("project", By::Project),
        ("browser", By::Start(Property::Browser)),
        ("country", By::Start(Property::Country)),
        ("hour", By::Hour),
        ("os", By::Start(Property::Os)),
        ("device", By::Start(Property::Device)),
        ("tracker", By::Start(Property::Tracker)),
        ("user", By::Start(Property::User)),
        ("none", By::Nothing),
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        By::ALL.iter().find(|(_, by)| *by == self).map_or("none", |(word, _)| word)
    }
}

impl Property {
    /// The value in what a start says; `None` if it is not known.
    pub fn of(self, client: &Client<'_>) -> Option<String> {
        let value = match self {
            Property::Browser => client.browser.to_owned(),
            Property::Country => client.country.to_owned(),
            Property::Os => client.os.to_owned(),
            Property::Device if client.device.is_empty() => client.device_type.to_owned(),
            Property::Device => client.device.to_owned(),
            Property::Tracker => format!("{} {}", client.kind, client.tracker_version).trim().to_owned(),
            Property::User => client.user.to_owned(),
        };
        (!value.is_empty()).then_some(value)
    }
}
