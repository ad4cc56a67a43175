using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>An encoder that predicts masked tokens.</summary>
public sealed partial class MaskedLM : PretrainedModel
{
    private readonly ModelSpec _spec;
    private readonly Transformer _body;
    private readonly HeadTransform _transform;
    private readonly OutputMatrix _decoder;

    private MaskedLM(ModelOrigin origin, ModelSpec spec, WeightProvider weights)
        : base(nameof(MaskedLM), origin)
    {
        _spec = spec;
        MaskedHeadConfig config = spec.Masked!;
        WeightScope root = Root(weights), head = root.Head();
        _body = new Transformer(spec.Body, root.At(spec.Layout.BasePrefix));
        _transform = new HeadTransform(config.Transform, head, spec.Body.Embedding.Size, spec.Body.HiddenSize);
        _decoder = OutputMatrix.Build(head, config.Decoder, config.Tied, config.Bias, (Embedding)_body.Tokens.Module);
        eval();
    }

    /// <inheritdoc/>
    public override bool TiesWordEmbeddings => _decoder.IsTied;

    /// <inheritdoc/>
    public override string OutputHead => _spec.Masked!.Decoder;

    /// <inheritdoc/>
    public override string InputEmbedding => $"{_spec.Layout.BasePrefix}.{_spec.Body.Embedding.Tokens}";

    internal override Transformer Stack => _body;

    internal override string ReferenceClass => _spec.ClassName + "ForMaskedLM";

    /// <summary>Loads a model folder in Hugging Face's layout.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Types and quantisation; null: as the file has them.</param>
    /// <exception cref="ModelFormatException">No or a malformed config.json, an unknown architecture, missing or unexpected tensors, wrong shapes.</exception>
    /// <exception cref="SafeTensorsException">A weight file is truncated or malformed.</exception>
    public static MaskedLM Load(string folder, LoadOptions? options = null) => ModelLoader.Load(folder, options, Plan);

    /// <summary>Creates a model with random weights.</summary>
    /// <param name="config">The configuration, as config.json would hold it.</param>
    /// <param name="options">Types (default float32) and quantisation.</param>
    /// <param name="seed">Makes the weights reproducible.</param>
    public static MaskedLM Create(ModelConfig config, LoadOptions? options = null, int seed = 0) => ModelLoader.Create(config, options, seed, Plan);

    /// <summary>Logits (B, T, vocabulary) of token ids (B, T, int64), all of them real tokens.</summary>
    public override Tensor forward(Tensor inputIds) => Logits(inputIds);

    /// <summary>Logits of token ids.</summary>
    /// <param name="inputIds">(B, T) int64.</param>
    /// <param name="attentionMask">(B, T) of 0 (padding) and 1, or null: no padding.</param>
    /// <param name="positionIds">(B, T), or null: the model's own.</param>
    /// <param name="tokenTypeIds">(B, T) numbers of the texts of a pair, or null: all 0.</param>
    /// <returns>(B, T, vocabulary).</returns>
    public Tensor Logits(Tensor inputIds, Tensor? attentionMask = null, Tensor? positionIds = null, Tensor? tokenTypeIds = null)
    {
        RequireIds(inputIds);
        using var scope = NewDisposeScope();
        var inputs = new TransformerInputs { Ids = inputIds, AttentionMask = attentionMask, PositionIds = positionIds, TokenTypeIds = tokenTypeIds };
        return ProjectLogits(HiddenStates(inputs)).MoveToOuterDisposeScope();
    }

    /// <summary>Mean cross entropy of logits (B, T, vocabulary) against labels (B, T, int64) at their own positions; −100 does not count.</summary>
    public Tensor Loss(Tensor logits, Tensor labels) => TaskLoss.CrossEntropy(logits, labels);

    internal override void UseGradientCheckpointing(int layers) => _body.CheckpointedLayers = layers;

    internal Tensor HiddenStates(TransformerInputs inputs) => _body.Forward(inputs);

    /// <summary>Logits (..., vocabulary) of hidden states (..., hidden).</summary>
    internal Tensor ProjectLogits(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        return _decoder.Slot.Call(_transform.Forward(hidden)).MoveToOuterDisposeScope();
    }

    private static ModelPlan<MaskedLM> Plan(ModelConfig config)
    {
        ModelSpec spec = ModelFamilies.MaskedLanguage(config);
        return new(spec.Layout, spec.Body.InitializerRange, NewHead.OtherTask, (origin, weights) => new MaskedLM(origin, spec, weights));
    }
}
