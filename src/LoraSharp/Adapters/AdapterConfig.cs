using System.Text.Json.Nodes;
using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;

namespace LoraSharp;

/// <summary>What every adapter method's configuration has.</summary>
public abstract record AdapterConfig
{
    /// <summary>Far beyond every rank that makes sense.</summary>
    private const int LargestRank = 1 << 16;

    private protected AdapterConfig()
    {
    }

    /// <summary>The method's name in adapter_config.json, for example <c>LORA</c>.</summary>
    public string PeftType => Method.PeftType;

    /// <summary>PEFT's task type: <c>CAUSAL_LM</c>, <c>SEQ_CLS</c> (the new heads <c>classifier</c> and <c>score</c> then train too), ... Default: null.</summary>
    public string? TaskType { get; init; }

    /// <summary>The base model that the adapter belongs to, as written in the adapter's file.</summary>
    public string? BaseModelNameOrPath { get; init; }

    /// <summary>The modules that get an adapter. Default: null, the architecture's usual ones (Llama: q_proj and v_proj).</summary>
    public TargetModules? TargetModules { get; init; }

    /// <summary>Modules that never get one, matched in the same way. Default: null.</summary>
    public TargetModules? ExcludeModules { get; init; }

    /// <summary>Numbers of the layers to which a list of target names is restricted. Default: null, all layers.</summary>
    public IReadOnlyList<int>? LayersToTransform { get; init; }

    /// <summary>Names of the lists of layers that <see cref="LayersToTransform"/> counts in (<c>layers</c>, <c>h</c>). Default: empty, the first number in a path.</summary>
    public IReadOnlyList<string> LayersPattern { get; init; } = [];

    /// <summary>
    /// Modules of which the adapter trains and saves a full copy, for example a new head. A name matches every path that ends with it, even without a dot in front
    /// (<c>norm</c> also means <c>input_layernorm</c>), as in PEFT. Default: none.
    /// </summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>The revision of the base model, kept as the file has it.</summary>
    public string? Revision { get; init; }

    /// <summary>How PEFT finds the class of a base model that is not transformers' own; kept as the file has it.</summary>
    internal JsonNode? AutoMapping { get; init; }

    /// <summary>How many layers were written as one number instead of a list, as the file had it.</summary>
    internal bool WritesSingleLayer { get; init; }

    /// <summary>The method.</summary>
    internal abstract AdapterMethod Method { get; }

    /// <summary>Which biases of the base train too.</summary>
    internal virtual AdapterBias BiasesToTrain => AdapterBias.None;

    /// <summary>Whether one number of layers or a list was given is written back as it was.</summary>
    internal void WriteLayers(ConfigWriter json)
    {
        json.Set("layers_to_transform", LayersToTransform is [var only] && WritesSingleLayer ? JsonValue.Create(only) : ConfigWriter.List(LayersToTransform));
        json.Set("layers_pattern", LayersPattern is [var one] ? one : ConfigWriter.ListOrNull(LayersPattern));
    }

    /// <summary>Checks the configuration by itself, before any model is touched.</summary>
    /// <exception cref="AdapterException">A value is out of range or two values contradict each other.</exception>
    internal virtual void Validate()
    {
        if (LayersToTransform is { Count: > 0 } && TargetModules is { IsList: false })
        {
            throw Invalid($"layersToTransform needs targetModules as a list of names; it is {TargetModules}. Put the layer numbers into the expression instead");
        }

        if (LayersPattern.Count > 0 && LayersToTransform is null)
        {
            throw Invalid("layersPattern is set without layersToTransform; name the layers as well");
        }

        if (LayersToTransform?.FirstOrDefault(layer => layer < 0) is < 0 and var negative)
        {
            throw Invalid($"layersToTransform holds {negative}; layers are counted from 0");
        }
    }

    /// <summary>An error about this configuration.</summary>
    internal AdapterException Invalid(string what) => new($"{GetType().Name}: {what}.");

    /// <summary>Throws unless a rank, or another count, is positive and not absurd.</summary>
    internal void RequireRank(int rank, string what = "r")
    {
        if (rank <= 0)
        {
            throw Invalid($"{what} is {rank}; it must be at least 1 (8 or 16 are usual)");
        }

        // A file may claim anything: without a bound it could ask for more memory than there is.
        if (rank > LargestRank)
        {
            throw Invalid($"{what} is {rank}; at most {LargestRank} is allowed");
        }
    }

    /// <summary>Throws unless a probability is in [0, 1).</summary>
    internal void RequireProbability(double probability, string what)
    {
        if (probability is not (>= 0 and < 1))
        {
            throw Invalid($"{what} is {probability}; it must be at least 0 and less than 1");
        }
    }

    /// <summary>Throws unless a number is finite.</summary>
    internal void RequireFinite(double value, string what)
    {
        if (!double.IsFinite(value))
        {
            throw Invalid($"{what} is {value}; it must be a finite number");
        }
    }
}
