//! B2C events and users from files into a lake.

mod bounds;
mod demo;
mod forms;
mod groups;
mod large;
mod naive;
mod overlap;
mod recovery;
mod sign_ins;
mod upkeep;
mod users;
mod world;
