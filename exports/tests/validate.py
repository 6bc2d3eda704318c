"""Checks exported documents with the formats' own libraries.

Reads a JSON object a line from standard input: {"name": …, "format": …, "document": …}. Writes one a line to standard output:
{"name": …, "errors": [ … ], "counts": { … }}. A document without errors is one that the library accepts without a warning and that
comes back from it the same. The counts are what the library found in it.
"""

import functools
import json
import pathlib
import sys
import warnings
from collections import Counter


def prov_json(document):
    from prov.model import ProvDocument

    errors = []
    with warnings.catch_warnings():
        # prov reads on where it will refuse to in a later version.
        warnings.simplefilter("error")
        read = ProvDocument.deserialize(content=document, format="json")
        again = ProvDocument.deserialize(content=read.serialize(format="json"), format="json")
        if again != read:
            errors.append("not the same after a round trip through PROV-JSON")
        # A name that PROV-N cannot spell is no legal qualified name.
        if ProvDocument.deserialize(content=read.get_provn(), format="provn") != read:
            errors.append("not the same after a round trip through PROV-N")
        # Raises where two records of one identity contradict each other.
        read.unified()
    counts = Counter(record.get_type().localpart for record in read.get_records())
    described = {
        str(record.identifier) for record in read.get_records() if record.is_element()
    }
    for record in read.get_records():
        for attribute, value in record.formal_attributes:
            if value is None or attribute.localpart in ("time", "startTime", "endTime"):
                continue
            if str(value) not in described:
                errors.append(f"{record} names {value}, which is not described")
    return errors, counts


def croissant(document):
    import absl.logging
    import mlcroissant
    from mlcroissant._src.core.rdf import make_context
    from mlcroissant._src.core.context import Context, CroissantVersion

    # It repeats on standard error what it found.
    absl.logging.set_verbosity(absl.logging.FATAL)
    errors = []
    parsed = json.loads(document)
    standard = make_context(Context(conforms_to=CroissantVersion.V_1_1))
    for term, meaning in standard.items():
        if parsed["@context"].get(term) != meaning:
            errors.append(f"the context's {term} is {parsed['@context'].get(term)}, not {meaning}")
    try:
        metadata = mlcroissant.Dataset(jsonld=parsed).metadata
    except mlcroissant.ValidationError as error:
        return errors + [str(error)], {}
    if metadata.ctx.conforms_to != CroissantVersion.V_1_1:
        errors.append(f"conforms to {metadata.ctx.conforms_to}")
    # What the chain does not know is left out, which the library only recommends against.
    errors += [
        warning for warning in metadata.ctx.issues.warnings if "is recommended, but does not exist" not in warning
    ]
    again = mlcroissant.Dataset(jsonld=json.loads(json.dumps(metadata.to_json()))).metadata
    if again.to_json() != metadata.to_json():
        errors.append("not the same after a round trip")
    based_on = parsed.get("isBasedOn", [])
    return errors, {
        "distribution": len(metadata.distribution),
        "creator": len(metadata.creators),
        "license": len(metadata.license or []),
        "isBasedOn": len(based_on),
        "sameAs": len(metadata.same_as or []),
    }


@functools.cache
def cyclonedx_validator():
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6)


def cyclonedx(document):
    from cyclonedx.model.bom import Bom

    errors = [
        error.data.message[:300] + " at " + error.data.json_path
        for error in cyclonedx_validator().validate_str(document, all_errors=True) or ()
    ]
    if errors:
        return errors, {}
    parsed = json.loads(document)
    components = [parsed["metadata"]["component"], *parsed.get("components", [])]
    refs = Counter(component["bom-ref"] for component in components)
    errors += [f"bom-ref {ref} is there {count} times" for ref, count in refs.items() if count > 1]
    for dependency in parsed.get("dependencies", []):
        for ref in [dependency["ref"], *dependency.get("dependsOn", [])]:
            if ref not in refs:
                errors.append(f"{ref} is depended on and not described")
    for component in components:
        card = component.get("modelCard", {})
        if card and component["type"] != "machine-learning-model":
            errors.append(f"{component['bom-ref']} is a {component['type']} with a model card")
        for dataset in card.get("modelParameters", {}).get("datasets", []):
            if dataset["ref"] not in refs:
                errors.append(f"{dataset['ref']} is a dataset and not described")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bom = Bom.from_json(parsed)
        bom.validate()
    return errors, {
        "components": len(bom.components),
        "dependencies": sum(len(dependency.dependencies) for dependency in bom.dependencies),
        "ancestors": len(bom.metadata.component.pedigree.ancestors) if bom.metadata.component.pedigree else 0,
        "licenses": len(bom.metadata.component.licenses),
    }


@functools.cache
def facet_classes():
    """Every facet that the client library knows, by the URL of its schema."""
    import importlib
    import inspect
    import pkgutil

    import openlineage.client.generated as generated

    classes = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for _, kind in inspect.getmembers(importlib.import_module(f"{generated.__name__}.{module.name}"), inspect.isclass):
            if hasattr(kind, "_get_schema") and hasattr(kind, "_producer"):
                classes[kind._get_schema()] = kind
    return classes


def check_facets(facets, family, classes):
    """A facet has to be one that the library knows, of the family that belongs there, with the members that its class takes."""
    for name, facet in facets.items():
        members = {key: value for key, value in facet.items() if not key.startswith("_")}
        kind = classes.get(facet["_schemaURL"])
        if kind is None:
            yield f"{name} has a schema that is unknown: {facet['_schemaURL']}"
        elif family not in [base.__name__ for base in kind.__mro__]:
            yield f"{name} is a {kind.__name__} and stands where a {family} belongs"
        else:
            kind(**members, producer=facet["_producer"])


@functools.cache
def openlineage_validator():
    import jsonschema

    schema = json.loads((pathlib.Path(__file__).parent / "schemas" / "openlineage-2-0-2.json").read_text())
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema, format_checker=checker)


def openlineage(document):
    from openlineage.client.generated import base

    validator = openlineage_validator()
    classes = facet_classes()
    errors = []
    counts = Counter()
    runs = {}
    for line in document.splitlines():
        event = json.loads(line)
        errors += [error.message[:300] + " at " + error.json_path for error in validator.iter_errors(event)]
        kind = event["schemaURL"].rsplit("/", 1)[1]
        counts[kind] += 1
        members = {key: value for key, value in event.items() if key != "schemaURL"}
        if kind == "RunEvent":
            runs.setdefault(event["run"]["runId"], []).append(event["eventType"])
            errors += check_facets(event["run"].get("facets", {}), "RunFacet", classes)
            members["run"] = base.Run(**event["run"])
            members["eventType"] = base.EventType(event["eventType"])
        if kind in ("RunEvent", "JobEvent"):
            errors += check_facets(event["job"].get("facets", {}), "JobFacet", classes)
            members["job"] = base.Job(**event["job"])
            for side in ("inputs", "outputs"):
                of_side = {"inputs": base.InputDataset, "outputs": base.OutputDataset}[side]
                members[side] = [of_side(**dataset) for dataset in event.get(side, [])]
                for dataset in event.get(side, []):
                    errors += check_facets(dataset.get("facets", {}), "DatasetFacet", classes)
        if kind == "DatasetEvent":
            errors += check_facets(event["dataset"].get("facets", {}), "DatasetFacet", classes)
            members["dataset"] = base.StaticDataset(**event["dataset"])
        built = getattr(base, kind)(**members)
        if built.schemaURL != event["schemaURL"]:
            errors.append(f"{event['schemaURL']} is not {built.schemaURL}")
    for run, types in runs.items():
        ended = [kind for kind in types if kind in ("COMPLETE", "ABORT", "FAIL")]
        if types.count("START") != 1 or len(ended) > 1 or types[0] != "START":
            errors.append(f"run {run} has the events {types}")
    counts["runs"] = len(runs)
    return errors, counts


CHECKS = {"prov-json": prov_json, "croissant": croissant, "cyclonedx": cyclonedx, "openlineage": openlineage}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            errors, counts = CHECKS[request["format"]](request["document"])
        except Exception as error:  # whatever a library throws at a document is what is wrong with it
            errors, counts = [f"{type(error).__name__}: {error}"], {}
        answer = {"name": request["name"], "errors": [str(error) for error in errors], "counts": dict(counts)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
