"""What the API says of categories."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self, TypedDict
from uuid import UUID

from pydantic import ConfigDict, Field, with_config

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.api.fields import ShortText
from payymo.domain.categories.defaults import DefaultCategory
from payymo.domain.enums import CategoryKind, CategorySet
from payymo.postgres.categories.models import Category

Name = Annotated[ShortText, Field(examples=["Hosting"])]
Kind = Annotated[
    CategoryKind,
    Field(description="What its transactions do; `transfer` moves money between own accounts."),
]
IsActive = Annotated[
    bool,
    Field(description="Whether rules, memory and defaults may assign it. What has it keeps it."),
]


class CategoryRead(ResponseModel):
    """What transactions are for."""

    id: UUID
    name: Name
    kind: Kind
    key: Annotated[
        str | None, Field(description="Which of Payymo's own it is.", examples=["groceries"])
    ]
    is_active: IsActive
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, category: Category) -> Self:
        """Present a category.

        :param category: Row, with what the database filled in.
        """
        return cls(
            id=category.id,
            name=category.name,
            kind=category.kind,
            key=category.key,
            is_active=category.is_active,
            created_at=category.created_at,
            updated_at=category.updated_at,
        )


class CategoryCreate(RequestModel):
    """A new category."""

    name: Name
    kind: Kind


@with_config(ConfigDict(extra="forbid"))
class CategoryUpdate(TypedDict, total=False):
    """What to change of a category: what is left out stays."""

    name: Name
    kind: Kind
    is_active: IsActive


class DefaultCategoryRead(ResponseModel):
    """A category that Payymo brings along."""

    key: Annotated[str, Field(examples=["groceries"])]
    name: Annotated[str, Field(examples=["Groceries"])]
    kind: Kind


class CategorySetRead(ResponseModel):
    """A set of categories that Payymo brings along."""

    name: CategorySet
    categories: list[DefaultCategoryRead]

    @classmethod
    def of(cls, name: CategorySet, categories: Sequence[DefaultCategory]) -> Self:
        """Present a set.

        :param name: Which one.
        :param categories: What it brings along.
        """
        return cls(
            name=name,
            categories=[
                DefaultCategoryRead(key=each.key, name=each.name, kind=each.kind)
                for each in categories
            ],
        )
