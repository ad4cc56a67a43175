using LoraSharp.Adapters;

namespace LoraSharp;

/// <summary>What every adapter method's configuration has.</summary>
public abstract record AdapterConfig
{
    /// <summary>The method's name in adapter_config.json, for example <c>LORA</c>.</summary>
    public abstract string PeftType { get; }

    /// <summary>PEFT's task type: <c>CAUSAL_LM</c>, <c>SEQ_CLS</c>, ... Default: null.</summary>
    public string? TaskType { get; init; }

    /// <summary>The base model that the adapter belongs to, as written in the adapter's file.</summary>
    public string? BaseModelNameOrPath { get; init; }

    /// <summary>The modules that get an adapter. Default: null, the architecture's usual ones (Llama: q_proj and v_proj).</summary>
    public TargetModules? TargetModules { get; init; }

    /// <summary>Modules that never get one, matched in the same way. Default: null.</summary>
    public TargetModules? ExcludeModules { get; init; }

    /// <summary>Modules of which the adapter trains and saves a full copy, for example a new head. Default: none.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>Checks the configuration by itself, before any model is touched.</summary>
    /// <exception cref="AdapterException">A value is out of range or two values contradict each other.</exception>
    internal abstract void Validate();
}
