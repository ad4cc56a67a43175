using LoraSharp.Models.Families;

namespace LoraSharp.Models;

/// <summary>The table of families: how each one's config.json becomes the description of the one body and its heads.</summary>
internal static class ModelFamilies
{
    private static readonly Dictionary<string, Func<ModelConfig, ModelSpec>> Families = new(StringComparer.Ordinal)
    {
        ["cohere"] = LlamaFamilies.Cohere,
        ["falcon"] = ClassicFamilies.Falcon,
        ["gemma"] = GemmaFamilies.Gemma,
        ["gemma2"] = GemmaFamilies.Gemma2,
        ["gemma3_text"] = GemmaFamilies.Gemma3,
        ["gpt2"] = ClassicFamilies.Gpt2,
        ["gpt_neox"] = ClassicFamilies.GptNeoX,
        ["gpt_oss"] = MixtureFamilies.GptOss,
        ["granite"] = LlamaFamilies.Granite,
        ["llama"] = LlamaFamilies.Llama,
        ["mistral"] = LlamaFamilies.Mistral,
        ["mixtral"] = MixtureFamilies.Mixtral,
        ["olmo2"] = LlamaFamilies.Olmo2,
        ["opt"] = ClassicFamilies.Opt,
        ["phi"] = ClassicFamilies.Phi,
        ["phi3"] = LlamaFamilies.Phi3,
        ["qwen2"] = LlamaFamilies.Qwen2,
        ["qwen3"] = LlamaFamilies.Qwen3,
        ["qwen3_moe"] = MixtureFamilies.Qwen3,
        ["smollm3"] = LlamaFamilies.SmolLM3,
        ["stablelm"] = LlamaFamilies.StableLm,
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
