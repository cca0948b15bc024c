//! Paging, page by page.
