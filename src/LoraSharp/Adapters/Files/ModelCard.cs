using System.Text;

namespace LoraSharp.Adapters.Files;

/// <summary>The README.md beside an adapter, as a model card of the Hugging Face hub.</summary>
internal static class ModelCard
{
    public const string FileName = "README.md";

    public static string Write(AdapterConfig config)
    {
        string? name = config.BaseModelNameOrPath is { Length: > 0 } source ? Path.GetFileName(Path.TrimEndingDirectorySeparator(source)) : null;
        var card = new StringBuilder("---\n");
        if (name is not null)
        {
            card.Append($"base_model: {name}\n");
        }

        card.Append("library_name: peft\n");
        if (config.TaskType == "CAUSAL_LM")
        {
            card.Append("pipeline_tag: text-generation\n");
        }

        card.Append("tags:\n");
        if (name is not null)
        {
            card.Append($"- base_model:adapter:{name}\n");
        }

        card.Append(
            $"""
            - {config.Method.Tag}
            ---

            # {(name is null ? "Adapter" : $"Adapter of {name}")}

            A parameter-efficient adapter ({config.PeftType}){(name is null ? "" : $" of `{name}`")}, in PEFT's format.
            {(config.TargetModules is { } targets ? $"\nAdapted modules: `{targets}`.\n" : "")}
            Load it in .NET with `model.LoadAdapter("<this folder>")` (LoraSharp), or in Python with `PeftModel.from_pretrained(model, "<this folder>")`.

            """);
        return card.ToString();
    }
}
