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
public sealed partial class CausalLM : PretrainedModel
{
    private readonly ModelSpec _spec;
    private readonly LanguageHeadConfig _headConfig;
    private readonly Transformer _body;
    private OutputMatrix _head;
    private bool _wasUntied;

    private CausalLM(ModelOrigin origin, ModelSpec spec, WeightProvider weights)
        : base(nameof(CausalLM), origin)
    {
        _spec = spec;
        _headConfig = spec.Language!;
        WeightScope root = Root(weights);
        _body = new Transformer(spec.Body, root.At(spec.Layout.BasePrefix));
        _head = OutputMatrix.Build(root.Head(), _headConfig.Path, _headConfig.Tied, _headConfig.Bias ? _headConfig.Path + ".bias" : null, (Embedding)_body.Tokens.Module);
        eval();
    }

    /// <summary>Whether embedding and output head are one matrix.</summary>
    public override bool TiesWordEmbeddings => _head.IsTied;

    /// <inheritdoc/>
    public override string OutputHead => _headConfig.Path;

    /// <inheritdoc/>
    public override string InputEmbedding => $"{_spec.Layout.BasePrefix}.{_spec.Body.Embedding.Tokens}";

    internal override Transformer Stack => _body;

    internal override void CheckTies()
    {
        OutputMatrix now = _head.Checked(_body.Tokens.Module);
        _wasUntied |= now.IsTied != _head.IsTied;
        _head = now;
    }

    internal override void Amend(System.Text.Json.Nodes.JsonObject config)
    {
        if (_wasUntied)
        {
            config["tie_word_embeddings"] = false;
        }
    }

    internal override string ReferenceClass => _spec.LanguageClass ?? _spec.ClassName + "ForCausalLM";

    /// <summary>The output head, as it is now (adapters may have taken its place). Its output becomes logits by <see cref="FinishLogits"/>.</summary>
    internal nn.Module<Tensor, Tensor> Head => _head.Slot.Module;

    /// <summary>The token table, as it is now.</summary>
    internal nn.Module<Tensor, Tensor> Embedding => _body.Tokens.Module;

    /// <summary>Loads a model folder in Hugging Face's layout (config.json and safetensors).</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Types and quantisation; null: as the file has them.</param>
    /// <exception cref="ModelFormatException">No or a malformed config.json, an unknown architecture, missing or unexpected tensors, wrong shapes: all named, before anything is loaded.</exception>
    /// <exception cref="SafeTensorsException">A weight file is truncated or malformed.</exception>
    public static CausalLM Load(string folder, LoadOptions? options = null) => ModelLoader.Load(folder, options, Plan);

    /// <summary>Creates a model with random weights, layer by layer: for training from nothing, or to measure a model's shape without its weights.</summary>
    /// <param name="config">The configuration, as config.json would hold it.</param>
    /// <param name="options">Types (default float32) and quantisation.</param>
    /// <param name="seed">Makes the weights reproducible.</param>
    public static CausalLM Create(ModelConfig config, LoadOptions? options = null, int seed = 0) => ModelLoader.Create(config, options, seed, Plan);

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
        return ProjectLogits(lastOnly ? hidden.narrow(1, hidden.shape[1] - 1, 1) : hidden).MoveToOuterDisposeScope();
    }

    /// <summary>Hidden states (B, T, hidden) after the final norm; parameters as in <see cref="Logits"/>.</summary>
    public Tensor HiddenStates(Tensor inputIds, Tensor? attentionMask = null, Tensor? positionIds = null, KvCache? cache = null)
    {
        RequireIds(inputIds);
        return HiddenStates(new TransformerInputs { Ids = inputIds, AttentionMask = attentionMask, PositionIds = positionIds, Cache = cache });
    }

    /// <summary>An empty cache of this model's depth.</summary>
    public KvCache NewCache(int capacity = 0) => new(_body.Config.Layers, capacity);

    /// <summary>Factor of the load-balancing loss of mixture-of-experts models in the loss of training; 0 for others.</summary>
    internal double RouterLossFactor => _headConfig.RouterLossFactor;

    /// <summary>How many positions have a learned vector; null where positions are computed.</summary>
    internal int? LearnedPositions => _spec.Body.Embedding is { Positions: not null } embedding ? embedding.PositionRows - embedding.PositionOffset : null;

    internal override void UseGradientCheckpointing(int layers) => _body.CheckpointedLayers = layers;

    /// <summary>Hidden states of inputs in every form.</summary>
    internal Tensor HiddenStates(TransformerInputs inputs)
    {
        using PromptedInputs? prompted = Prompt?.Extend(inputs, _body.Tokens);
        return _body.Forward(prompted?.Inputs ?? inputs);
    }

    /// <summary>What stands before every input (soft prompts), or null.</summary>
    internal ISoftPrompt? Prompt { get; set; }

    /// <summary>Logits (..., vocabulary) of hidden states (..., hidden).</summary>
    internal Tensor ProjectLogits(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        return FinishLogits(_head.Slot.Call(hidden)).MoveToOuterDisposeScope();
    }

    /// <summary>Whether the head's output is not yet the logits.</summary>
    internal bool FinishesLogits => _headConfig.LogitScale != 1 || _headConfig.LogitCap is not null;

    /// <summary>Scales and caps what the head gives, as some families do; else returns it as it is.</summary>
    internal Tensor FinishLogits(Tensor logits)
    {
        using var scope = NewDisposeScope();
        Tensor scaled = _headConfig.LogitScale == 1 ? logits : logits * _headConfig.LogitScale;
        Tensor capped = _headConfig.LogitCap is { } cap ? (scaled / cap).tanh() * cap : scaled;
        return ReferenceEquals(capped, logits) ? logits : capped.MoveToOuterDisposeScope();
    }

    private static ModelPlan<CausalLM> Plan(ModelConfig config)
    {
        ModelSpec spec = ModelFamilies.CausalLanguage(config);
        return new(spec.Layout, spec.Body.InitializerRange, NewHead.OtherTask, (origin, weights) => new CausalLM(origin, spec, weights));
    }
}
