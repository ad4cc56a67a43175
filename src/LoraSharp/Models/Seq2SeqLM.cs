using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>An encoder-decoder model (T5, BART) with its output head: the encoder reads a text, the decoder writes another.</summary>
public sealed partial class Seq2SeqLM : PretrainedModel
{
    private readonly Seq2SeqSpec _spec;
    private readonly Transformer _encoder;
    private readonly Transformer _decoder;
    private readonly OutputMatrix _head;
    private readonly Tensor? _logitsBias;

    private Seq2SeqLM(ModelOrigin origin, Seq2SeqSpec spec, WeightProvider weights)
        : base(nameof(Seq2SeqLM), origin)
    {
        _spec = spec;
        WeightScope root = Root(weights);
        TransformerConfig encoder = spec.Encoder;
        Slot tokens = root.Embedding(spec.Tokens, encoder.VocabSize, encoder.HiddenSize, encoder.Embedding.PaddingId);
        _encoder = new Transformer(encoder, root.At(spec.EncoderPath), tokens);
        _decoder = new Transformer(spec.Decoder, root.At(spec.DecoderPath), tokens);
        _head = OutputMatrix.Build(root.Head(), spec.Language.Path, spec.Language.Tied, bias: null, (Embedding)tokens.Module);
        if (spec.LogitsBias is { } bias && root.Contains(bias))
        {
            using Parameter loaded = root.Load(bias, WeightStart.Zeros, 1, encoder.VocabSize);
            _logitsBias = loaded.detach().DetachFromDisposeScope();
            register_buffer(bias, _logitsBias, persistent: true);
        }

        eval();
    }

    /// <summary>Whether embedding and output head are one matrix.</summary>
    public override bool TiesWordEmbeddings => _head.IsTied;

    /// <inheritdoc/>
    public override string OutputHead => _spec.Language.Path;

    /// <inheritdoc/>
    public override string InputEmbedding => _spec.Tokens;

    /// <summary>The token that the decoder starts with.</summary>
    public int DecoderStartTokenId => _spec.StartId;

    internal override string ReferenceClass => _spec.ClassName + "ForConditionalGeneration";

    /// <summary>Loads a model folder in Hugging Face's layout.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Types and quantisation; null: as the file has them.</param>
    /// <exception cref="ModelFormatException">No or a malformed config.json, an unknown architecture, missing or unexpected tensors, wrong shapes.</exception>
    /// <exception cref="SafeTensorsException">A weight file is truncated or malformed.</exception>
    public static Seq2SeqLM Load(string folder, LoadOptions? options = null) => ModelLoader.Load(folder, options, Plan);

    /// <summary>Creates a model with random weights.</summary>
    /// <param name="config">The configuration, as config.json would hold it.</param>
    /// <param name="options">Types (default float32) and quantisation.</param>
    /// <param name="seed">Makes the weights reproducible.</param>
    public static Seq2SeqLM Create(ModelConfig config, LoadOptions? options = null, int seed = 0) => ModelLoader.Create(config, options, seed, Plan);

    /// <summary>Logits (B, 1, vocabulary) of the decoder's first token for input ids (B, S, int64), all of them real tokens.</summary>
    public override Tensor forward(Tensor inputIds)
    {
        RequireIds(inputIds);
        using var scope = NewDisposeScope();
        return Logits(inputIds, full(inputIds.shape[0], 1, _spec.StartId, dtype: ScalarType.Int64)).MoveToOuterDisposeScope();
    }

    /// <summary>Logits of decoder tokens after an input text.</summary>
    /// <param name="inputIds">(B, S) int64, the encoder's tokens.</param>
    /// <param name="decoderInputIds">(B, T) int64, the decoder's tokens; for training <see cref="ShiftRight"/> makes them of the labels.</param>
    /// <param name="attentionMask">(B, S) of 0 (padding) and 1, or null: no padding.</param>
    /// <returns>(B, T, vocabulary).</returns>
    public Tensor Logits(Tensor inputIds, Tensor decoderInputIds, Tensor? attentionMask = null)
    {
        using var scope = NewDisposeScope();
        return Decode(decoderInputIds, Encode(inputIds, attentionMask), attentionMask).MoveToOuterDisposeScope();
    }

    /// <summary>The encoder's output (B, S, hidden).</summary>
    /// <param name="inputIds">(B, S) int64.</param>
    /// <param name="attentionMask">(B, S) of 0 (padding) and 1, or null: no padding.</param>
    public Tensor Encode(Tensor inputIds, Tensor? attentionMask = null)
    {
        RequireIds(inputIds);
        return _encoder.Forward(new TransformerInputs { Ids = inputIds, AttentionMask = attentionMask });
    }

    /// <summary>Logits of decoder tokens.</summary>
    /// <param name="decoderInputIds">(B, T) int64.</param>
    /// <param name="encoded">(B, S, hidden), from <see cref="Encode"/>.</param>
    /// <param name="attentionMask">(B, S): the encoder's mask, or null.</param>
    /// <param name="cache">Earlier decoder tokens, or null; these are appended to it.</param>
    /// <returns>(B, T, vocabulary).</returns>
    public Tensor Decode(Tensor decoderInputIds, Tensor encoded, Tensor? attentionMask = null, Seq2SeqCache? cache = null)
    {
        using var scope = NewDisposeScope();
        return ProjectLogits(DecoderStates(decoderInputIds, encoded, attentionMask, cache)).MoveToOuterDisposeScope();
    }

    /// <summary>An empty cache of this model's depth, for one input.</summary>
    public Seq2SeqCache NewCache() => new(_spec.Decoder.Layers);

    /// <summary>The decoder's input (B, T) for labels (B, T, int64): everything one step later, behind a start token, with −100 turned into padding.</summary>
    public Tensor ShiftRight(Tensor labels)
    {
        RequireIds(labels);
        using var scope = NewDisposeScope();
        Tensor ids = labels.masked_fill(labels.eq(TaskLoss.Ignored), _spec.PaddingId);
        Tensor first = _spec.StartsWithLastToken
            ? ids.gather(1, ids.ne(_spec.PaddingId).sum(1, keepdim: true) - 1)
            : full(ids.shape[0], 1, _spec.StartId, dtype: ScalarType.Int64);
        return cat([first, ids.narrow(1, 0, ids.shape[1] - 1)], 1).MoveToOuterDisposeScope();
    }

    /// <summary>Mean cross entropy of logits (B, T, vocabulary) against labels (B, T, int64) at their own positions; −100 does not count.</summary>
    public Tensor Loss(Tensor logits, Tensor labels) => TaskLoss.CrossEntropy(logits, labels);

    internal override void UseGradientCheckpointing(int layers) => (_encoder.CheckpointedLayers, _decoder.CheckpointedLayers) = (layers, layers);

    /// <summary>The decoder's hidden states (B, T, hidden) after its final norm.</summary>
    internal Tensor DecoderStates(Tensor decoderInputIds, Tensor encoded, Tensor? attentionMask, Seq2SeqCache? cache)
    {
        RequireIds(decoderInputIds);
        ArgumentNullException.ThrowIfNull(encoded);
        return _decoder.Forward(new TransformerInputs
        {
            Ids = decoderInputIds,
            Memory = encoded,
            MemoryMask = attentionMask,
            Cache = cache?.Tokens,
            MemoryCache = cache?.Memory,
        });
    }

    /// <summary>Logits (..., vocabulary) of the decoder's hidden states (..., hidden).</summary>
    internal Tensor ProjectLogits(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        Tensor logits = _head.Slot.Call(_spec.Language.LogitScale == 1 ? hidden : hidden * _spec.Language.LogitScale);
        return (_logitsBias is null ? logits : logits + _logitsBias).MoveToOuterDisposeScope();
    }

    private static ModelPlan<Seq2SeqLM> Plan(ModelConfig config)
    {
        Seq2SeqSpec spec = ModelFamilies.Seq2Seq(config);
        return new(spec.Layout, spec.Encoder.InitializerRange, NewHead.OtherTask, (origin, weights) => new Seq2SeqLM(origin, spec, weights));
    }
}
