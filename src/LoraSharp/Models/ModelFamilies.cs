using LoraSharp.Models.Families;

namespace LoraSharp.Models;

/// <summary>The table of families: how each one's config.json becomes the description of the one body and its heads.</summary>
internal static class ModelFamilies
{
    private static readonly Dictionary<string, Func<ModelConfig, ModelSpec>> Families = new(StringComparer.Ordinal)
    {
        ["llama"] = LlamaFamilies.Llama,
    };

    /// <summary>A family that has an output head for causal language modelling.</summary>
    public static ModelSpec CausalLanguage(ModelConfig config) => Find(config, "a causal language model", spec => spec.Language is not null);

    /// <summary>Any family.</summary>
    public static ModelSpec Any(ModelConfig config) => Find(config, "a base model", _ => true);

    public static ModelSpec MaskedLanguage(ModelConfig config) => Find(config, "a masked language model", spec => spec.Masked is not null);

    public static ModelSpec Sequence(ModelConfig config) => Find(config, "a classifier of sequences", spec => spec.Sequence is not null);

    public static ModelSpec Token(ModelConfig config) => Find(config, "a classifier of tokens", spec => spec.Token is not null);

    private static ModelSpec Find(ModelConfig config, string task, Func<ModelSpec, bool> fits)
    {
        if (!Families.TryGetValue(config.ModelType, out Func<ModelConfig, ModelSpec>? family))
        {
            throw config.Error($"the architecture '{config.ModelType}' is not supported as {task}; supported: {string.Join(", ", Families.Keys.Order(StringComparer.Ordinal))}");
        }

        ModelSpec spec = family(config);
        return fits(spec) ? spec : throw config.Error($"the architecture '{config.ModelType}' is not supported as {task}");
    }
}
