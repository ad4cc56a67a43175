namespace LoraSharp.Tokenization;

/// <summary>Where Metaspace puts its mark in front.</summary>
internal enum PrependScheme
{
    Always,
    First,
    Never,
}
