using System.Text.Json.Nodes;
using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>
/// A classifier of whole texts, or a reward model (one label): an encoder that reads the first token or the mean, or a decoder that reads the last token. On a base
/// model without such a head the head is new.
/// </summary>
public sealed partial class SequenceClassifier : PretrainedModel
{
    private readonly ModelSpec _spec;
    private readonly SequenceHeadConfig _headConfig;
    private readonly Transformer _body;
    private readonly Slot? _pooler;
    private readonly HeadTransform? _transform;
    private readonly Slot _classifier;
    private readonly LabelSet _labels;

    private SequenceClassifier(ModelOrigin origin, ModelSpec spec, LabelSet labels, WeightProvider weights)
        : base(nameof(SequenceClassifier), origin)
    {
        _spec = spec;
        _headConfig = spec.Sequence!;
        _labels = labels;
        int hidden = spec.Body.OutputFeatures;
        WeightScope root = Root(weights), head = root.Head(), body = root.At(spec.Layout.BasePrefix);
        _body = new Transformer(spec.Body, body);
        _pooler = _headConfig.UsesPooler ? body.Head().Linear(spec.Pooler!.Path, hidden, hidden, bias: true) : null;
        HeadTransformConfig transform = _headConfig.Transform;
        if (_headConfig.Group is { } group)
        {
            // One module under one name: adapters train a copy of it as a whole.
            _classifier = head.Modules.Add(group, new ClassificationHead(
                head.LoadLinear(transform.Dense!, hidden, hidden, transform.DenseBias),
                head.LoadLinear(_headConfig.Classifier, labels.Names.Count, hidden, _headConfig.ClassifierBias),
                transform.Activation));
        }
        else
        {
            _transform = new HeadTransform(transform, head, hidden, hidden);
            _classifier = head.Linear(_headConfig.Classifier, labels.Names.Count, hidden, _headConfig.ClassifierBias);
        }

        eval();
    }

    /// <summary>Names of the labels, by their numbers.</summary>
    public IReadOnlyList<string> Labels => _labels.Names;

    /// <inheritdoc/>
    public override bool TiesWordEmbeddings => false;

    /// <inheritdoc/>
    public override string OutputHead => _headConfig.Classifier;

    /// <inheritdoc/>
    public override string InputEmbedding => $"{_spec.Layout.BasePrefix}.{_spec.Body.Embedding.Tokens}";

    internal override Transformer Stack => _body;

    internal override string ReferenceClass => _spec.ClassName + "ForSequenceClassification";

    /// <summary>Loads a model folder in Hugging Face's layout; a head that the folder lacks is new (<see cref="PretrainedModel.NewTensors"/>).</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Types, quantisation and, for a new head, the number of labels; null: as the file has them.</param>
    /// <exception cref="ModelFormatException">No or a malformed config.json, an unknown architecture, missing or unexpected tensors, wrong shapes.</exception>
    /// <exception cref="SafeTensorsException">A weight file is truncated or malformed.</exception>
    public static SequenceClassifier Load(string folder, LoadOptions? options = null) => ModelLoader.Load(folder, options, config => Plan(config, options));

    /// <summary>Creates a model with random weights.</summary>
    /// <param name="config">The configuration, as config.json would hold it.</param>
    /// <param name="options">Types (default float32), quantisation and number of labels.</param>
    /// <param name="seed">Makes the weights reproducible.</param>
    public static SequenceClassifier Create(ModelConfig config, LoadOptions? options = null, int seed = 0) =>
        ModelLoader.Create(config, options, seed, known => Plan(known, options));

    /// <summary>Logits (B, labels) of token ids (B, T, int64), all of them real tokens.</summary>
    public override Tensor forward(Tensor inputIds) => Logits(inputIds);

    /// <summary>Logits of token ids.</summary>
    /// <param name="inputIds">(B, T) int64.</param>
    /// <param name="attentionMask">(B, T) of 0 (padding) and 1, or null: no padding.</param>
    /// <param name="positionIds">(B, T), or null: the model's own.</param>
    /// <param name="tokenTypeIds">(B, T) numbers of the texts of a pair, or null: all 0; models without token types leave them alone.</param>
    /// <returns>(B, labels).</returns>
    /// <exception cref="InvalidOperationException">A decoder without a padding token got several rows: their last tokens cannot be told from padding.</exception>
    public Tensor Logits(Tensor inputIds, Tensor? attentionMask = null, Tensor? positionIds = null, Tensor? tokenTypeIds = null)
    {
        RequireIds(inputIds);
        using var scope = NewDisposeScope();
        var inputs = new TransformerInputs { Ids = inputIds, AttentionMask = attentionMask, PositionIds = positionIds, TokenTypeIds = tokenTypeIds };
        return Classify(inputs, HiddenStates(inputs)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The head's value at each position instead of at the last one: with one label, the value head that PPO trains on a decoder (as TRL takes it, a classifier with one label).
    /// </summary>
    /// <param name="inputIds">(B, T) int64.</param>
    /// <param name="attentionMask">(B, T) of 0 (padding) and 1, or null: no padding.</param>
    /// <param name="positionIds">(B, T), or null: the model's own.</param>
    /// <returns>(B, T, labels).</returns>
    /// <exception cref="NotSupportedException">The model is not a decoder: its head reads the whole text at once.</exception>
    public Tensor Values(Tensor inputIds, Tensor? attentionMask = null, Tensor? positionIds = null)
    {
        RequireIds(inputIds);
        if (_headConfig.Pooling != TokenPooling.Last)
        {
            throw new NotSupportedException($"'{Config.ModelType}' is not a decoder: its classifier reads the whole text at once and has no value for a single position.");
        }

        using var scope = NewDisposeScope();
        return _classifier.Call(HiddenStates(new TransformerInputs { Ids = inputIds, AttentionMask = attentionMask, PositionIds = positionIds })).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The loss by <c>problem_type</c> of the configuration: mean squared error (regression), cross entropy (single label) or binary cross entropy (several labels).
    /// Without the key: one label is a regression, int64 labels are single ones, others several.
    /// </summary>
    /// <param name="logits">(B, labels).</param>
    /// <param name="labels">(B) int64, or (B) or (B, labels) of floating type.</param>
    public Tensor Loss(Tensor logits, Tensor labels) => TaskLoss.Classification(Config, logits, labels);

    internal override void UseGradientCheckpointing(int layers) => _body.CheckpointedLayers = layers;

    internal Tensor HiddenStates(TransformerInputs inputs) => _body.Forward(inputs);

    /// <summary>Logits of hidden states (B, T, hidden).</summary>
    internal Tensor Classify(TransformerInputs inputs, Tensor hidden)
    {
        using var scope = NewDisposeScope();
        if (_headConfig.Pooling == TokenPooling.Last)
        {
            // The head before the choice, as it costs little and keeps adapters' view of it: (B, T, hidden).
            return Pick(_classifier.Call(hidden), LastTokens(inputs.Ids!)).MoveToOuterDisposeScope();
        }

        Tensor x = Pooling.Apply(_headConfig.Pooling, hidden, inputs.AttentionMask);
        x = _pooler is { } pooler ? Activation.Find(_spec.Pooler!.Activation)(pooler.Call(x)) : x;
        return _classifier.Call(_transform?.Forward(x) ?? x).MoveToOuterDisposeScope();
    }

    internal override void Amend(JsonObject config) => _labels.WriteTo(config);

    private static ModelPlan<SequenceClassifier> Plan(ModelConfig config, LoadOptions? options)
    {
        ModelSpec spec = ModelFamilies.Sequence(config);
        LabelSet labels = LabelSet.Read(config, options?.NumLabels);
        return new(spec.Layout, spec.Body.InitializerRange, NewHead.Always, (origin, weights) => new SequenceClassifier(origin, spec, labels, weights));
    }

    // The last position of each row whose id is not the padding id, whatever a mask says; 0 where there is none.
    private Tensor LastTokens(Tensor ids)
    {
        if (_spec.PaddingId is { } padding)
        {
            return (ids.ne(padding).to(ScalarType.Int64) * arange(ids.shape[1])).argmax(-1);
        }

        return ids.shape[0] == 1
            ? full(1, ids.shape[1] - 1, dtype: ScalarType.Int64)
            : throw new InvalidOperationException(
                $"This model has no pad_token_id, so the last tokens of {ids.shape[0]} rows cannot be told from padding. Set pad_token_id in its configuration, or give one row at a time.");
    }

    private static Tensor Pick(Tensor logits, Tensor positions) =>
        logits.gather(1, positions.view(-1, 1, 1).expand(-1, 1, logits.shape[^1])).squeeze(1);
}
