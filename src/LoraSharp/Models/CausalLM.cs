using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>
/// A decoder-only language model with its output head. Loaded from a Hugging Face folder, it keeps that folder's names for its layers
/// (<c>model.layers.0.self_attn.q_proj</c>), which are the names that adapters target.
/// </summary>
public sealed partial class CausalLM : nn.Module<Tensor, Tensor>, IPretrainedModel
{
    internal const string BasePrefix = "model";
    internal const string HeadName = "lm_head";

    private readonly DecoderModel model;
    private readonly nn.Module<Tensor, Tensor> lm_head;

    private CausalLM(ModelConfig config, DecoderConfig decoder, WeightProvider weights, ScalarType dtype)
        : base(nameof(CausalLM))
    {
        Config = config;
        Dtype = dtype;
        var root = new WeightScope(weights, "");
        const string Embedding = "model.embed_tokens.weight", Head = "lm_head.weight";
        long[] shape = [decoder.VocabSize, decoder.HiddenSize];

        // Tied on paper and only the head on disk: the head is the embedding.
        bool onlyHead = decoder.TieWordEmbeddings && !root.Contains(Embedding) && root.Contains(Head);
        Parameter embedding = root.Parameter(onlyHead ? Head : Embedding, shape);
        model = new DecoderModel(decoder, root.At(BasePrefix), embedding);
        lm_head = Tied(decoder, root, onlyHead, embedding) is { } tied
            ? new Linear(new DenseWeight(tied))
            : root.Linear(HeadName, decoder.VocabSize, decoder.HiddenSize, quantize: false);
        TiesWordEmbeddings = ((Linear)lm_head).Weight.Parameter!.Handle == embedding.Handle;
        RegisterComponents();
        eval();
    }

    /// <summary>The model's configuration, as read from config.json.</summary>
    public ModelConfig Config { get; }

    /// <summary>Type of the weights that are not quantised, and of the hidden states.</summary>
    public ScalarType Dtype { get; }

    /// <summary>Whether embedding and output head are one matrix.</summary>
    public bool TiesWordEmbeddings { get; }

    /// <summary>The folder that the model was loaded from, or null.</summary>
    public string? SourceFolder { get; private init; }

    /// <summary>How the linear layers are quantised, or null.</summary>
    public QuantizationConfig? Quantization { get; private init; }

    /// <inheritdoc/>
    public string OutputHead => HeadName;

    /// <inheritdoc/>
    public string InputEmbedding => "model.embed_tokens";

    internal DecoderConfig Decoder => model.Config;

    /// <summary>The output head, as it is now (adapters may have taken its place).</summary>
    internal nn.Module<Tensor, Tensor> Head => lm_head;

    /// <summary>Loads a model folder in Hugging Face's layout (config.json and safetensors).</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Types and quantisation; null: as the file has them.</param>
    /// <exception cref="ModelFormatException">No or a malformed config.json, an unknown architecture, missing or unexpected tensors, wrong shapes: all named, before anything is loaded.</exception>
    /// <exception cref="SafeTensorsException">A weight file is truncated or malformed.</exception>
    public static CausalLM Load(string folder, LoadOptions? options = null)
    {
        options ??= new LoadOptions();
        options.Validate();
        ModelConfig config = ModelConfig.Load(folder);
        DecoderConfig decoder = ModelFamilies.Decoder(config);
        ScalarType dtype = options.Dtype ?? ConfiguredDtype(config);
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        var names = new CheckpointNames(checkpoint, BasePrefix);
        var inspector = new InspectingProvider(name => names.Find(name) is not null);
        using (new CausalLM(config, decoder, inspector, dtype))
        {
            names.Verify(inspector.Expected);
        }

        return new CausalLM(config, decoder, new CheckpointProvider(checkpoint, names, options, dtype), dtype)
        {
            SourceFolder = Path.GetFullPath(folder),
            Quantization = options.Quantization,
        };
    }

    /// <summary>Creates a model with random weights, layer by layer: for training from nothing, or to measure a model's shape without its weights.</summary>
    /// <param name="config">The configuration, as config.json would hold it.</param>
    /// <param name="options">Types (default float32) and quantisation.</param>
    /// <param name="seed">Makes the weights reproducible.</param>
    public static CausalLM Create(ModelConfig config, LoadOptions? options = null, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(config);
        options ??= new LoadOptions();
        options.Validate();
        DecoderConfig decoder = ModelFamilies.Decoder(config);
        return new CausalLM(config, decoder, new RandomProvider(options, decoder.InitializerRange, seed), options.Dtype ?? ScalarType.Float32) { Quantization = options.Quantization };
    }

    /// <summary>Logits (B, T, vocabulary) of token ids (B, T, int64), all of them real tokens.</summary>
    public override Tensor forward(Tensor inputIds) => Logits(inputIds);

    /// <summary>Logits of token ids.</summary>
    /// <param name="inputIds">(B, T) int64.</param>
    /// <param name="attentionMask">(B, past + T) of 0 (padding) and 1, or null: no padding.</param>
    /// <param name="positionIds">(B, T), or null: 0, 1, ... from the cache's length on. Without a mask, positions that restart separate packed documents.</param>
    /// <param name="cache">Earlier tokens, or null; these tokens are appended to it.</param>
    /// <param name="lastOnly">Computes the last position only: the result is (B, 1, vocabulary).</param>
    /// <returns>(B, T, vocabulary), in the head's type.</returns>
    public Tensor Logits(Tensor inputIds, Tensor? attentionMask = null, Tensor? positionIds = null, KvCache? cache = null, bool lastOnly = false)
    {
        using var scope = NewDisposeScope();
        Tensor hidden = HiddenStates(inputIds, attentionMask, positionIds, cache);
        return lm_head.call(lastOnly ? hidden.narrow(1, hidden.shape[1] - 1, 1) : hidden).MoveToOuterDisposeScope();
    }

    /// <summary>Hidden states (B, T, hidden) after the final norm; parameters as in <see cref="Logits"/>.</summary>
    public Tensor HiddenStates(Tensor inputIds, Tensor? attentionMask = null, Tensor? positionIds = null, KvCache? cache = null) =>
        model.Forward(inputIds, attentionMask, positionIds, cache, observe: null);

    /// <summary>An empty cache of this model's depth.</summary>
    public KvCache NewCache(int capacity = 0) => new(Decoder.Layers, capacity);

    internal Tensor HiddenStates(Tensor inputIds, Tensor? attentionMask, Tensor? positionIds, Action<Tensor> observe) =>
        model.Forward(inputIds, attentionMask, positionIds, cache: null, observe);

    // The embedding when the head is the same matrix; null when the head has a matrix of its own (the file wins over the configuration).
    private static Parameter? Tied(DecoderConfig decoder, WeightScope root, bool onlyHead, Parameter embedding)
    {
        const string Head = "lm_head.weight";
        if (!decoder.TieWordEmbeddings)
        {
            return null;
        }

        if (onlyHead || !root.Contains(Head))
        {
            return embedding;
        }

        using Parameter head = root.Parameter(Head, decoder.VocabSize, decoder.HiddenSize);
        using Tensor same = head.eq(embedding);
        using Tensor all = same.all();
        return all.item<bool>() ? embedding : null;
    }

    private static ScalarType ConfiguredDtype(ModelConfig config) => config.Text("dtype", config.Text("torch_dtype", "float32")) switch
    {
        "float32" => ScalarType.Float32,
        "float64" => ScalarType.Float64,
        "bfloat16" => ScalarType.BFloat16,
        "float16" => ScalarType.Float16,
        string other => throw config.Error($"dtype '{other}' is not one that weights can have (float32, bfloat16, float16); set LoadOptions.Dtype"),
    };
}
