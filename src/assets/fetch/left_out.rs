//! Why an address is not kept.

/// Why an address is not kept. Texts may hold what a site has said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeftOut {
    /// It leads to an address that is not allowed.
    #[error("it leads to {0}")]
    NotAllowed(String),
    /// Its host has an address of a network that is not asked.
    #[error("{0}; --allow-network names networks that may be asked")]
    RefusedAddress(String),
    /// The answer is larger than one asset, or all, may be.
    #[error("larger than asset_bytes_max or assets_bytes")]
    TooLarge,
    /// It is nothing that is kept.
    #[error("no style sheet, picture or font")]
    OtherType,
    /// The site does not have it: 404 or 410.
    #[error("the site does not have it: status {0}")]
    Missing(u16),
    /// There was no whole answer, or one of an error.
    #[error("{0}")]
    Failed(String),
    /// Its host has failed too often, or asks to be left alone.
    #[error("its host is left alone for this run")]
    HostLeft,
}
