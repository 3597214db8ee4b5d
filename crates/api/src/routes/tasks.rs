//! Asking one's persona to do something.

use axum::{Json, extract::State, http::StatusCode};
use engine::{Reply, Request, request::LocalId};
use protocol::identity::PersonaId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    extract::{Body, PathId},
    node::{Node, expect_reply},
    router::App,
    types::{
        Refusals,
        task::{NewTask, Task, Tasks},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(list)).routes(routes!(get))
}

/// Asks a persona to do something, in plain words.
#[utoipa::path(post, path = "/v1/personas/{id}/tasks",
    operation_id = "create_task", tag = "tasks", request_body = NewTask,
    params(("id" = String, Path, description = "The persona's did:key")),
    responses((status = 201, description = "It has begun", body = Task), Refusals))]
async fn create(
    State(node): State<Node>,
    PathId(persona): PathId<PersonaId>,
    Body(new): Body<NewTask>,
) -> Result<(StatusCode, Json<Task>), ApiError> {
    let decide_within_ms = new.decide_within_seconds.map(|seconds| seconds.saturating_mul(1000));
    let request = Request::CreateTask { persona, text: new.text, decide_within_ms };
    expect_reply!(node.ask(request).await?,
        Reply::Task(view) => (StatusCode::CREATED, Json(view.into())))
}

/// All tasks, newest first.
#[utoipa::path(get, path = "/v1/tasks",
    operation_id = "list_tasks", tag = "tasks",
    responses((status = 200, description = "All of them", body = Tasks), Refusals))]
async fn list(State(node): State<Node>) -> Result<Json<Tasks>, ApiError> {
    expect_reply!(node.ask(Request::ListTasks).await?, Reply::Tasks(views) => {
        Json(Tasks { tasks: views.into_iter().map(Task::from).collect() })
    })
}

/// One task.
#[utoipa::path(get, path = "/v1/tasks/{id}",
    operation_id = "get_task", tag = "tasks",
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, description = "As it is now", body = Task), Refusals))]
async fn get(
    State(node): State<Node>,
    PathId(id): PathId<LocalId>,
) -> Result<Json<Task>, ApiError> {
    expect_reply!(node.ask(Request::GetTask(id)).await?, Reply::Task(view) => Json(view.into()))
}
