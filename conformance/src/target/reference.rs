//! `reference`: the reference broker, in this process.

use std::path::Path;

use super::{Needs, TargetError};

#[derive(Debug)]
pub(super) enum Node {}

impl Node {
    pub(super) async fn start(_brokers: usize, _needs: &Needs) -> Result<Self, TargetError> {
        Err(TargetError("the reference broker does not start yet".to_owned()))
    }
    pub(super) fn addresses(&self) -> Vec<String> {
        match *self {}
    }
    pub(super) fn data_dir(&self) -> Option<&Path> {
        match *self {}
    }
    pub(super) async fn kill(&mut self, _broker: usize) -> Result<(), TargetError> {
        match *self {}
    }
    pub(super) async fn restart(&mut self, _broker: usize) -> Result<(), TargetError> {
        match *self {}
    }
    pub(super) async fn stop(self) {
        match self {}
    }
}
