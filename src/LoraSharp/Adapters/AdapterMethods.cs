using LoraSharp.Adapters.Lora;

namespace LoraSharp.Adapters;

/// <summary>The adapter methods that are known: the one place that names them.</summary>
internal static class AdapterMethods
{
    private static readonly AdapterMethod[] All = [LoraMethod.Instance];

    public static AdapterMethod Get(string? peftType, string source) =>
        Array.Find(All, method => method.PeftType == peftType)
        ?? throw new AdapterException(
            $"{source}: peft_type is '{peftType ?? "missing"}', a method that is not supported. Supported: {string.Join(", ", All.Select(m => m.PeftType))}.");
}
