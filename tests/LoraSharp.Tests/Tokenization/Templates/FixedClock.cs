namespace LoraSharp.Tests.Tokenization.Templates;

/// <summary>A clock that stands still, in a zone without an offset.</summary>
internal sealed class FixedClock(DateTime now) : TimeProvider
{
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override DateTimeOffset GetUtcNow() => new(now, TimeSpan.Zero);
}
