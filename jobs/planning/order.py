"""The foreign-key graph: in which order tables load, and what must wait for what when foreign keys stay on."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from connectors.schema import ForeignKey, TableName


def load_order(tables: Collection[TableName], keys: Iterable[ForeignKey]
               ) -> tuple[list[TableName], list[frozenset[TableName]]]:  # fmt: skip
    """Referenced tables first, otherwise by name; and the sets of two or more tables that reference each other in cycles.

    Tarjan's strongly connected components, iterative (SIAM J. Comput. 1(2), 1972): components come out referenced first.
    """
    references: dict[TableName, set[TableName]] = {name: set() for name in tables}
    for key in keys:
        if key.table in references and key.referenced in references and key.table != key.referenced:
            references[key.table].add(key.referenced)
    order: list[TableName] = []
    cycles: list[frozenset[TableName]] = []
    for component in _components(
        {name: sorted(refs, key=_sortable) for name, refs in sorted(references.items(), key=_first)}
    ):
        order.extend(sorted(component, key=_sortable))
        if len(component) > 1:
            cycles.append(frozenset(component))
    return order, cycles


def _sortable(name: TableName) -> tuple[str, str]:
    return name.schema or "", name.name


def _first(item: tuple[TableName, object]) -> tuple[str, str]:
    return _sortable(item[0])


def _components(graph: dict[TableName, list[TableName]]) -> list[list[TableName]]:
    index: dict[TableName, int] = {}
    low: dict[TableName, int] = {}
    stack: list[TableName] = []
    on_stack: set[TableName] = set()
    found: list[list[TableName]] = []
    for root in graph:
        if root in index:
            continue
        path = [(root, iter(graph[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while path:
            node, successors = path[-1]
            step = next(successors, None)
            if step is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == index[node]:
                    component: list[TableName] = []
                    while not component or component[-1] != node:
                        component.append(stack.pop())
                        on_stack.discard(component[-1])
                    found.append(component)
            elif step not in index:
                index[step] = low[step] = len(index)
                stack.append(step)
                on_stack.add(step)
                path.append((step, iter(graph[step])))
            elif step in on_stack:
                low[node] = min(low[node], index[step])
    return found
