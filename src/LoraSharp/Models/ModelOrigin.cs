using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>Where a model comes from and how it was loaded.</summary>
internal sealed record ModelOrigin
{
    public required ModelConfig Config { get; init; }

    public required CheckpointLayout Layout { get; init; }

    public required ScalarType Dtype { get; init; }

    public QuantizationConfig? Quantization { get; init; }

    public string? Folder { get; init; }

    /// <summary>generation_config.json, or null.</summary>
    public JsonObject? GenerationConfig { get; init; }

    public IReadOnlyList<string> NewTensors { get; init; } = [];
}
