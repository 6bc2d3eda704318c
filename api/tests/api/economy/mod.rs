//! Tasks, executions, disputes and mirrors over GraphQL: records with the logs of our contracts are appended to real streams of two chains and
//! projected by the real projector.

mod disputes;
mod executions;
mod gateway;
mod ids;
mod radius;
mod rounds;
mod tasks;
mod world;
