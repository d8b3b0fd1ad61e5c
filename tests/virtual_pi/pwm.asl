// A PWM chip with four channels, as a Pi 5 has: the kernel's own driver for Intel's Broxton (pwm-lpss-platform) takes it.
// Nothing is at that address, so nothing pulses; what the kernel was told is in /sys/kernel/debug/pwm.
DefinitionBlock ("", "SSDT", 2, "TURRET", "PWM", 1)
{
    Scope (\_SB)
    {
        Device (PWM0)
        {
            Name (_HID, "80865AC8")
            Name (_CRS, ResourceTemplate () { Memory32Fixed (ReadWrite, 0xFED50000, 0x1000) })
        }
    }
}
