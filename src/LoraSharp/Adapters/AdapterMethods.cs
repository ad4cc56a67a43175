using LoraSharp.Adapters.AdaLora;
using LoraSharp.Adapters.FourierFt;
using LoraSharp.Adapters.Hra;
using LoraSharp.Adapters.Ia3;
using LoraSharp.Adapters.LnTuning;
using LoraSharp.Adapters.Loha;
using LoraSharp.Adapters.Lokr;
using LoraSharp.Adapters.Lora;
using LoraSharp.Adapters.Oft;
using LoraSharp.Adapters.PrefixTuning;
using LoraSharp.Adapters.PromptTuning;
using LoraSharp.Adapters.PTuning;
using LoraSharp.Adapters.Vera;

namespace LoraSharp.Adapters;

/// <summary>The adapter methods that are known: the one place that names them.</summary>
internal static class AdapterMethods
{
    private static readonly AdapterMethod[] All =
    [
        LoraMethod.Instance, AdaLoraMethod.Instance, FourierFtMethod.Instance, HraMethod.Instance, Ia3Method.Instance, LnTuningMethod.Instance, LohaMethod.Instance,
        LokrMethod.Instance, OftMethod.Instance, PrefixTuningMethod.Instance, PromptTuningMethod.Instance, PTuningMethod.Instance, VeraMethod.Instance,
    ];

    public static AdapterMethod Get(string? peftType, string source) =>
        Array.Find(All, method => method.PeftType == peftType)
        ?? throw new AdapterException(
            $"{source}: peft_type is '{peftType ?? "missing"}', a method that is not supported. Supported: {string.Join(", ", All.Select(m => m.PeftType))}.");
}
