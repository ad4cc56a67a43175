using LoraSharp.Adapters;
using LoraSharp.Adapters.LnTuning;

namespace LoraSharp;

/// <summary>Tuning of norms (Zhao et al. 2023, arXiv:2312.11420): full copies of the targeted norm layers are trained.</summary>
public sealed record LnTuningConfig : AdapterConfig
{
    internal override AdapterMethod Method => LnTuningMethod.Instance;
}
