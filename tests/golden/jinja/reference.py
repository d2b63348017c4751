"""What Python makes of a chat template: jinja2 as transformers configures it."""

import datetime

from transformers.utils import chat_template_utils as utils

NOW = datetime.datetime(2024, 7, 26, 15, 4, 5, 6789)


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


utils.datetime = FixedClock


def compile_template(source):
    return utils._cached_compile_jinja_template(source)


def describe(error):
    """"Class: message", the class left out for what raise_exception raises."""
    name = type(error).__name__
    message = getattr(error, "message", None) or getattr(error, "msg", None) or str(error)
    return message if name == "TemplateError" else f"{name}: {message}"


def outcome(run):
    """"=" and the text, or "!" and the error."""
    try:
        return "=" + run()
    except RecursionError:
        raise
    except Exception as error:  # noqa: BLE001: any error is an outcome
        return "!" + describe(error)


def render(source, **variables):
    """The outcome of a template alone."""
    return outcome(lambda: compile_template(source).render(**variables))


def render_chat(source, conversation, special_tokens):
    """The outcome of apply_chat_template's template part for one conversation."""

    def run():
        rendered, _ = utils.render_jinja_template(
            conversations=[conversation["messages"]],
            tools=conversation.get("tools"),
            documents=conversation.get("documents"),
            chat_template=source,
            continue_final_message=conversation.get("continue_final_message", False),
            add_generation_prompt=conversation.get("add_generation_prompt", True),
            **{**special_tokens, **conversation.get("chat_template_kwargs", {})},
        )
        return rendered[0]

    return outcome(run)
