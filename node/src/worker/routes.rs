//! Which function answers which path: the longest route that is the path or a parent of it.
//!
//! Two functions may ask for one route. Whoever had it first keeps it; the other is reachable through the API,
//! and the node's status says so.

use crate::api::RouteConflict;
use crate::worker::registry::Active;
use std::collections::HashMap;
use std::sync::Arc;

/// Routes to functions.
#[derive(Default)]
pub(crate) struct Routes {
    by_path: HashMap<Box<str>, Arc<Active>>,
    /// Slashes in the deepest route: no prefix beyond that is worth looking up.
    deepest: usize,
    conflicts: Vec<RouteConflict>,
}

impl Routes {
    pub(crate) fn of<'a>(functions: impl Iterator<Item = &'a Arc<Active>>) -> Self {
        let mut functions: Vec<_> = functions.collect();
        functions.sort_by_key(|f| f.claimed);
        let mut routes = Routes::default();
        for function in functions {
            let route = function.spec.route.as_str();
            if let Some(owner) = routes.by_path.get(route) {
                routes.conflicts.push(RouteConflict {
                    route: route.to_owned(),
                    owner: owner.name.to_string(),
                    refused: function.name.to_string(),
                });
                continue;
            }
            routes.deepest = routes.deepest.max(route.matches('/').count());
            routes.by_path.insert(route.into(), function.clone());
        }
        routes
    }

    /// The function for a path.
    pub(crate) fn find(&self, path: &str) -> Option<&Arc<Active>> {
        let mut found = self.by_path.get("/");
        let mut ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        for _ in 0..self.deepest {
            let Some(end) = ends.next() else { break };
            found = self.by_path.get(&path[..end]).or(found);
        }
        found
    }

    pub(crate) fn conflicts(&self) -> &[RouteConflict] {
        &self.conflicts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::registry::tests::active;

    #[test]
    fn the_longest_route_answers() {
        let functions = [active("root", "/", 1), active("a", "/a", 2), active("b", "/a/b/c", 3)];
        let routes = Routes::of(functions.iter());
        for (path, name) in [
            ("/", "root"),
            ("/x", "root"),
            ("/ab", "root"),
            ("/a", "a"),
            ("/a/", "a"),
            ("/a/b", "a"),
            ("/a/b/cd", "a"),
            ("/a/b/c", "b"),
            ("/a/b/c/d/e", "b"),
            ("//a", "root"),
        ] {
            assert_eq!(routes.find(path).unwrap().name.as_str(), name, "{path}");
        }
        assert!(Routes::of(functions[1..].iter()).find("/x").is_none());
    }

    #[test]
    fn the_first_claim_keeps_the_route() {
        let functions = [active("late", "/same", 9), active("early", "/same", 4)];
        let routes = Routes::of(functions.iter());
        assert_eq!(routes.find("/same").unwrap().name.as_str(), "early");
        let expected = RouteConflict { route: "/same".into(), owner: "early".into(), refused: "late".into() };
        assert_eq!(routes.conflicts(), [expected]);
    }
}
