namespace LoraSharp.Adapters.Lora;

/// <summary>The modules that LoRA adapts when a configuration names none, by architecture (PEFT's table).</summary>
internal static class LoraTargets
{
    private static readonly Dictionary<string, string[]> ByModelType = new(StringComparer.Ordinal)
    {
        ["llama"] = ["q_proj", "v_proj"],
    };

    public static TargetModules For(string? modelType) =>
        modelType is not null && ByModelType.TryGetValue(modelType, out string[]? names)
            ? names
            : throw new AdapterException(modelType is null
                ? "LoraConfig: targetModules is not set, and this model is not one of the library's, so there is no default. Name the modules, or use \"all-linear\"."
                : $"LoraConfig: targetModules is not set, and there is no default for '{modelType}'. Name the modules, or use \"all-linear\".");
}
