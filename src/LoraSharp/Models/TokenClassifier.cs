using System.Text.Json.Nodes;
using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>A classifier of single tokens (named entities, parts of speech), on an encoder or a decoder. On a base model without such a head the head is new.</summary>
public sealed partial class TokenClassifier : PretrainedModel
{
    private readonly ModelSpec _spec;
    private readonly Transformer _body;
    private readonly HeadTransform _transform;
    private readonly Slot _classifier;
    private readonly LabelSet _labels;

    private TokenClassifier(ModelOrigin origin, ModelSpec spec, LabelSet labels, WeightProvider weights)
        : base(nameof(TokenClassifier), origin)
    {
        _spec = spec;
        _labels = labels;
        WeightScope root = Root(weights), head = root.Head();
        _body = new Transformer(spec.Body, root.At(spec.Layout.BasePrefix));
        int features = spec.Body.OutputFeatures;
        _transform = new HeadTransform(spec.Token!.Transform, head, features, features);
        _classifier = head.Linear(spec.Token.Classifier, labels.Names.Count, features, bias: true);
        eval();
    }

    /// <summary>Names of the labels, by their numbers.</summary>
    public IReadOnlyList<string> Labels => _labels.Names;

    /// <inheritdoc/>
    public override bool TiesWordEmbeddings => false;

    /// <inheritdoc/>
    public override string OutputHead => _spec.Token!.Classifier;

    /// <inheritdoc/>
    public override string InputEmbedding => $"{_spec.Layout.BasePrefix}.{_spec.Body.Embedding.Tokens}";

    internal override Transformer Stack => _body;

    internal override string ReferenceClass => _spec.ClassName + "ForTokenClassification";

    /// <summary>Loads a model folder in Hugging Face's layout; a head that the folder lacks is new (<see cref="PretrainedModel.NewTensors"/>).</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Types, quantisation and, for a new head, the number of labels; null: as the file has them.</param>
    /// <exception cref="ModelFormatException">No or a malformed config.json, an unknown architecture, missing or unexpected tensors, wrong shapes.</exception>
    /// <exception cref="SafeTensorsException">A weight file is truncated or malformed.</exception>
    public static TokenClassifier Load(string folder, LoadOptions? options = null) => ModelLoader.Load(folder, options, config => Plan(config, options));

    /// <summary>Creates a model with random weights.</summary>
    /// <param name="config">The configuration, as config.json would hold it.</param>
    /// <param name="options">Types (default float32), quantisation and number of labels.</param>
    /// <param name="seed">Makes the weights reproducible.</param>
    public static TokenClassifier Create(ModelConfig config, LoadOptions? options = null, int seed = 0) =>
        ModelLoader.Create(config, options, seed, known => Plan(known, options));

    /// <summary>Logits (B, T, labels) of token ids (B, T, int64), all of them real tokens.</summary>
    public override Tensor forward(Tensor inputIds) => Logits(inputIds);

    /// <summary>Logits of token ids.</summary>
    /// <param name="inputIds">(B, T) int64.</param>
    /// <param name="attentionMask">(B, T) of 0 (padding) and 1, or null: no padding.</param>
    /// <param name="positionIds">(B, T), or null: the model's own.</param>
    /// <param name="tokenTypeIds">(B, T) numbers of the texts of a pair, or null: all 0.</param>
    /// <returns>(B, T, labels).</returns>
    public Tensor Logits(Tensor inputIds, Tensor? attentionMask = null, Tensor? positionIds = null, Tensor? tokenTypeIds = null)
    {
        RequireIds(inputIds);
        using var scope = NewDisposeScope();
        var inputs = new TransformerInputs { Ids = inputIds, AttentionMask = attentionMask, PositionIds = positionIds, TokenTypeIds = tokenTypeIds };
        return Classify(HiddenStates(inputs)).MoveToOuterDisposeScope();
    }

    /// <summary>Mean cross entropy of logits (B, T, labels) against labels (B, T, int64) at their own positions; −100 does not count.</summary>
    public Tensor Loss(Tensor logits, Tensor labels) => TaskLoss.CrossEntropy(logits, labels);

    internal override void UseGradientCheckpointing(int layers) => _body.CheckpointedLayers = layers;

    internal Tensor HiddenStates(TransformerInputs inputs) => _body.Forward(inputs);

    /// <summary>Logits (..., labels) of hidden states (..., hidden).</summary>
    internal Tensor Classify(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        return _classifier.Call(_transform.Forward(hidden)).MoveToOuterDisposeScope();
    }

    internal override void Amend(JsonObject config) => _labels.WriteTo(config);

    private static ModelPlan<TokenClassifier> Plan(ModelConfig config, LoadOptions? options)
    {
        ModelSpec spec = ModelFamilies.Token(config);
        LabelSet labels = LabelSet.Read(config, options?.NumLabels);
        return new(spec.Layout, spec.Body.InitializerRange, NewHead.Always, (origin, weights) => new TokenClassifier(origin, spec, labels, weights));
    }
}
