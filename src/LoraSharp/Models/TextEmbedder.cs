using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>
/// A base model without a task's head that turns texts into vectors: all-MiniLM and its like, or the body of any supported model. How tokens are pooled is read from
/// the folder as the sentence-transformers library writes it; without that it is the mean.
/// </summary>
public sealed partial class TextEmbedder : PretrainedModel
{
    private readonly ModelSpec _spec;
    private readonly Transformer _body;
    private readonly Slot? _pooler;
    private readonly SentenceSettings _settings;

    private TextEmbedder(ModelOrigin origin, ModelSpec spec, WeightProvider weights)
        : base(nameof(TextEmbedder), origin)
    {
        _spec = spec;
        WeightScope root = Root(weights);
        _body = new Transformer(spec.Body, root);
        int hidden = spec.Body.HiddenSize;

        // Many files lack the pooler, which sentence vectors do not need.
        _pooler = spec.Pooler is { } pooler && root.Contains(pooler.Path + ".weight") ? root.Linear(pooler.Path, hidden, hidden, bias: true, quantize: false) : null;
        _settings = SentenceSettings.Read(origin.Folder);
        (Pooling, Normalize) = (_settings.Pooling, _settings.Normalize);
        eval();
    }

    /// <summary>How the tokens' vectors become one. Default: what the folder says, else the mean.</summary>
    public TokenPooling Pooling { get; set; }

    /// <summary>Whether vectors are divided by their length. Default: what the folder says, else false.</summary>
    public bool Normalize { get; set; }

    /// <inheritdoc/>
    public override bool TiesWordEmbeddings => false;

    /// <summary>Null: there is no head.</summary>
    public override string? OutputHead => null;

    /// <inheritdoc/>
    public override string InputEmbedding => _spec.Body.Embedding.Tokens;

    internal override string ReferenceClass => _spec.ClassName + "Model";

    /// <summary>Number of layers.</summary>
    internal int Layers => _spec.Body.Layers;

    /// <summary>Loads a model folder in Hugging Face's or sentence-transformers' layout; heads in it are left alone.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Types and quantisation; null: as the file has them.</param>
    /// <exception cref="ModelFormatException">No or a malformed config.json, an unknown architecture, missing or unexpected tensors, wrong shapes.</exception>
    /// <exception cref="SafeTensorsException">A weight file is truncated or malformed.</exception>
    public static TextEmbedder Load(string folder, LoadOptions? options = null) => ModelLoader.Load(folder, options, config =>
    {
        ModelSpec spec = ModelFamilies.Any(config);
        return new ModelPlan<TextEmbedder>(spec.Layout, spec.Body.InitializerRange, NewHead.None, (origin, weights) => new TextEmbedder(origin, spec, weights));
    });

    /// <summary>Vectors (B, hidden) of token ids (B, T, int64), all of them real tokens.</summary>
    public override Tensor forward(Tensor inputIds) => Embed(inputIds);

    /// <summary>One vector for each row of token ids.</summary>
    /// <param name="inputIds">(B, T) int64.</param>
    /// <param name="attentionMask">(B, T) of 0 (padding) and 1, or null: no padding.</param>
    /// <param name="tokenTypeIds">(B, T) numbers of the texts of a pair, or null: all 0.</param>
    /// <returns>(B, hidden), pooled as <see cref="Pooling"/> says, of length 1 with <see cref="Normalize"/>.</returns>
    public Tensor Embed(Tensor inputIds, Tensor? attentionMask = null, Tensor? tokenTypeIds = null)
    {
        using var scope = NewDisposeScope();
        Tensor pooled = Models.Pooling.Apply(Pooling, HiddenStates(inputIds, attentionMask, tokenTypeIds), attentionMask);
        return (Normalize ? nn.functional.normalize(pooled, 2, 1) : pooled).MoveToOuterDisposeScope();
    }

    /// <summary>The last layer's vectors (B, T, hidden); parameters as in <see cref="Embed(Tensor, Tensor?, Tensor?)"/>.</summary>
    public Tensor HiddenStates(Tensor inputIds, Tensor? attentionMask = null, Tensor? tokenTypeIds = null)
    {
        RequireIds(inputIds);
        return HiddenStates(new TransformerInputs { Ids = inputIds, AttentionMask = attentionMask, TokenTypeIds = tokenTypeIds });
    }

    /// <summary>The pooler's output (B, hidden) of the last layer's vectors (B, T, hidden): BERT's summary of the first token.</summary>
    /// <exception cref="InvalidOperationException">The model has no pooler.</exception>
    public Tensor PoolerOutput(Tensor hidden)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        if (_pooler is not { } pooler)
        {
            throw new InvalidOperationException($"This '{Config.ModelType}' model has no pooler (the folder holds no '{_spec.Pooler?.Path ?? "pooler"}'). Use Embed, which pools without one.");
        }

        using var scope = NewDisposeScope();
        return Activation.Find(_spec.Pooler!.Activation)(pooler.Call(hidden.select(1, 0))).MoveToOuterDisposeScope();
    }

    /// <summary>The vectors (B, T, hidden) after so many layers; 0 means the embeddings, all layers what <see cref="HiddenStates(Tensor, Tensor?, Tensor?)"/> gives.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The model does not have so many layers.</exception>
    internal Tensor HiddenStatesAfter(int layers, Tensor inputIds, Tensor? attentionMask, Tensor? tokenTypeIds)
    {
        RequireIds(inputIds);
        ArgumentOutOfRangeException.ThrowIfNegative(layers);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(layers, Layers);
        using var scope = NewDisposeScope();
        Tensor? wanted = null;
        int seen = 0;
        Tensor last = HiddenStates(new TransformerInputs
        {
            Ids = inputIds,
            AttentionMask = attentionMask,
            TokenTypeIds = tokenTypeIds,

            // What the layers see lives in scopes of their own.
            Observe = states => wanted = seen++ == layers ? states.alias().MoveToOtherDisposeScope(scope) : wanted,
        });
        return (layers == Layers ? last : wanted!).MoveToOuterDisposeScope();
    }

    internal override void UseGradientCheckpointing(int layers) => _body.CheckpointedLayers = layers;

    internal Tensor HiddenStates(TransformerInputs inputs) => _body.Forward(inputs);
}
