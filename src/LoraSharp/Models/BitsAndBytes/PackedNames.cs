namespace LoraSharp.Models;

/// <summary>Names of the tensors that bitsandbytes stores beside a packed matrix.</summary>
internal static class PackedNames
{
    public const string Absmax = ".absmax";
    public const string QuantMap = ".quant_map";
    public const string NestedAbsmax = ".nested_absmax";
    public const string NestedQuantMap = ".nested_quant_map";

    /// <summary>Followed by the type's name, nf4 or fp4.</summary>
    public const string State = ".quant_state.bitsandbytes__";

    public static string Int8Scales(string weight) => Sibling(weight, "SCB");

    public static string Int8Format(string weight) => Sibling(weight, "weight_format");

    private static string Sibling(string weight, string name) => weight[..(weight.LastIndexOf('.') + 1)] + name;
}
