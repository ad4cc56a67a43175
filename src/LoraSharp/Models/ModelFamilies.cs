using LoraSharp.Models.Families;

namespace LoraSharp.Models;

/// <summary>The table of families: how each one's config.json becomes the description of the one body and its heads.</summary>
internal static class ModelFamilies
{
    private static readonly Dictionary<string, Func<ModelConfig, ModelSpec>> Families = new(StringComparer.Ordinal)
    {
        ["bert"] = BertFamilies.Bert,
        ["camembert"] = config => BertFamilies.Roberta(config, "Camembert"),
        ["cohere"] = LlamaFamilies.Cohere,
        ["deberta-v2"] = LaterEncoderFamilies.Deberta,
        ["distilbert"] = BertFamilies.DistilBert,
        ["electra"] = BertFamilies.Electra,
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
        ["modernbert"] = LaterEncoderFamilies.ModernBert,
        ["olmo2"] = LlamaFamilies.Olmo2,
        ["opt"] = ClassicFamilies.Opt,
        ["phi"] = ClassicFamilies.Phi,
        ["phi3"] = LlamaFamilies.Phi3,
        ["qwen2"] = LlamaFamilies.Qwen2,
        ["qwen3"] = LlamaFamilies.Qwen3,
        ["qwen3_moe"] = MixtureFamilies.Qwen3,
        ["roberta"] = config => BertFamilies.Roberta(config, "Roberta"),
        ["smollm3"] = LlamaFamilies.SmolLM3,
        ["stablelm"] = LlamaFamilies.StableLm,
        ["starcoder2"] = LlamaFamilies.StarCoder2,
        ["xlm-roberta"] = config => BertFamilies.Roberta(config, "XLMRoberta"),
    };

    private static readonly Dictionary<string, Func<ModelConfig, Seq2SeqSpec>> Seq2SeqFamily = new(StringComparer.Ordinal)
    {
        ["bart"] = config => Seq2SeqFamilies.Bart(config, multilingual: false),
        ["mbart"] = config => Seq2SeqFamilies.Bart(config, multilingual: true),
        ["mt5"] = config => Seq2SeqFamilies.T5(config, "MT5", tiedByDefault: false),
        ["t5"] = config => Seq2SeqFamilies.T5(config, "T5", tiedByDefault: true),
    };

    /// <summary>A family that has an output head for causal language modelling.</summary>
    public static ModelSpec CausalLanguage(ModelConfig config) => Find(config, "a causal language model", spec => spec.Language is not null);

    /// <summary>Any family.</summary>
    public static ModelSpec Any(ModelConfig config) => Find(config, "a base model", _ => true);

    public static ModelSpec MaskedLanguage(ModelConfig config) => Find(config, "a masked language model", spec => spec.Masked is not null);

    public static ModelSpec Sequence(ModelConfig config) => Find(config, "a classifier of sequences", spec => spec.Sequence is not null);

    public static ModelSpec Token(ModelConfig config) => Find(config, "a classifier of tokens", spec => spec.Token is not null);

    /// <summary>An encoder-decoder family.</summary>
    public static Seq2SeqSpec Seq2Seq(ModelConfig config) => Entry(Seq2SeqFamily, config, "an encoder-decoder model")(config);

    private static ModelSpec Find(ModelConfig config, string task, Func<ModelSpec, bool> fits)
    {
        ModelSpec spec = Entry(Families, config, task)(config);
        return fits(spec) ? spec : throw config.Error($"the architecture '{config.ModelType}' is not supported as {task}");
    }

    private static Func<ModelConfig, TSpec> Entry<TSpec>(Dictionary<string, Func<ModelConfig, TSpec>> families, ModelConfig config, string task) =>
        families.TryGetValue(config.ModelType, out Func<ModelConfig, TSpec>? family)
            ? family
            : throw config.Error(
                $"the architecture (model_type) '{config.ModelType}' is not supported as {task}; supported: {string.Join(", ", families.Keys.Order(StringComparer.Ordinal))}");
}
