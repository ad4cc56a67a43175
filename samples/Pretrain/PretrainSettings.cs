namespace LoraSharp.Samples.Pretrain;

/// <summary>What a run can change. The defaults reproduce the embedded model.</summary>
internal sealed record PretrainSettings
{
    public double Epochs { get; init; } = 3;

    public int HiddenSize { get; init; } = 192;

    public int Layers { get; init; } = 4;

    public int Seed { get; init; } = 1;

    public double LearningRate { get; init; } = 3e-3;

    /// <summary>Packed rows in a forward pass. Their documents lie in one long row, whose attention costs its length squared.</summary>
    public int BatchSize { get; init; } = 2;

    /// <summary>Forward passes in a step.</summary>
    public int Accumulation { get; init; } = 4;
}
