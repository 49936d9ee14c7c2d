//! Makes outside text fit for a database: no NUL, which no database accepts, and no longer than a column.

/// Removes NUL characters and truncates to `chars_max` characters.
pub fn clean(text: &mut String, chars_max: usize) {
    if text.as_bytes().contains(&0) {
        text.retain(|character| character != '\0');
    }
    if text.len() > chars_max
        && let Some((end, _)) = text.char_indices().nth(chars_max)
    {
        text.truncate(end);
    }
}

/// Removes NUL characters and truncates to `bytes_max` bytes, at a character boundary.
pub fn clean_bytes(text: &mut String, bytes_max: usize) {
    clean(text, bytes_max);
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// As much of a text as has so many bytes, or fewer: it ends at a character boundary.
pub fn beginning(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests;
